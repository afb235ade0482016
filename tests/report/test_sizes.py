"""Scores against training examples: means and bands over draws, recomputed here, in the table and on the page."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pandas as pd
import pytest

from tuneproof.report import run, sizes, tables


@pytest.fixture
def family(write_results: Callable, tmp_path) -> tuple:
    """Two sizes, two draws, and a data set beside them."""
    names = ("m-8-draw-0", "m-8-draw-1", "m-32-draw-0", "m-32-draw-1", "movie")
    settings, results = write_results(datasets=names, methods=("full", "lora"), seeds=(0,), ensembles=(), rows=60)
    for name in names[:4]:
        _, size, _, draw = name.split("-")
        settings["datasets"][name] |= {"family": "m", "size": int(size), "unit": "rows", "draw": int(draw)}
    # draws of the same size would be judged alike here: the second one gets other scores
    for method, value in (("full", 0.5), ("lora", 0.9)):
        path = results / "evaluate" / "m-8-draw-1" / "tiny" / "scores.csv"
        scores = pd.read_csv(path)
        mine = (scores["method"] == method) & (scores["score"] == "accuracy") & (scores["split"] == "test")
        scores.loc[mine, "value"] = value
        scores.to_csv(path, index=False)
    return settings, results, tmp_path / "out"


def test_means_and_bands_over_draws(family: tuple) -> None:
    settings, results, out = family
    run.run(settings, results, out)
    found = pd.read_csv(out / "training_examples.csv")
    assert list(found.columns) == list(sizes.COLUMNS)
    assert found.groupby(["method", "size"]).size().to_dict() == {(m, s): 1 for m in ("full", "lora") for s in (8, 32)}
    board = tables.leaderboard(tables.panels(settings, tables.Results(results)))
    for row in found.to_dict("records"):
        draws = [f"m-{row['size']}-draw-{draw}" for draw in (0, 1)]
        values = board[board["dataset"].isin(draws) & (board["method"] == row["method"])]["value"].tolist()
        assert (len(values), row["draws"], row["family"], row["unit"]) == (2, 2, "m", "rows")
        assert row["value"] == pytest.approx(statistics.mean(values), rel=1e-5)
        assert row["sd"] == pytest.approx(statistics.stdev(values), rel=1e-5, abs=1e-12)
        assert row["low"] == pytest.approx(row["value"] - row["sd"], rel=1e-5)
        assert (row["lowest"], row["highest"]) == pytest.approx((min(values), max(values)), rel=1e-5)
    assert found.set_index(["method", "size"]).loc[("full", 8), "sd"] > 0.1


def test_the_page_draws_the_family_and_folds_its_members_away(family: tuple) -> None:
    settings, results, out = family
    run.run(settings, results, out)
    page = (out / "index.html").read_text()
    assert page.count('data-chart="family-0-sizes-0"') == 1
    assert 'id="table-family-0-sizes">[{"family":"m"' in page
    head = page[page.index('class="verdicts"') : page.index('id="family-1"')]
    assert "training examples." in head
    assert "<h2>movie</h2>" in head
    assert "m-8-draw-0" not in head
    assert page.count("<details><summary>m-") == 4
    assert page.count('data-chart="panel-4-') > 0
    assert 'data-chart="panel-0-' not in page


def test_without_families_there_is_no_such_table(write_results: Callable, tmp_path) -> None:
    settings, results = write_results(datasets=("movie",), methods=("full", "lora"), seeds=(0,), ensembles=(), rows=60)
    run.run(settings, results, tmp_path / "out")
    assert not (tmp_path / "out" / "training_examples.csv").exists()
    assert sizes.sections(sizes.table(settings, tables.panels(settings, tables.Results(results))), {}, {}, {}) == []


def test_a_single_draw_has_no_band() -> None:
    frame = pd.DataFrame(
        {"family": "f", "model": "m", "method": "a", "score": "accuracy", "size": [8, 16], "unit": "per class",
         "draws": 1,
         "value": [0.5, 0.6], "sd": float("nan"), "low": float("nan"), "high": float("nan"), "lowest": [0.5, 0.6],
         "highest": [0.5, 0.6], "train_seconds": 1.0}
    )  # fmt: skip
    data: dict = {}
    (shown,) = sizes.sections(frame, data, {}, {"a": "#000000"})
    assert shown["sentence"] == "Highest mean accuracy: a with 8 to 16 training examples of each class."
    assert [row["sd"] for row in data["family-0-sizes"]] == [None, None]
