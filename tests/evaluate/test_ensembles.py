"""Diversity and gain of ensembles, against tables that are worked out by hand and the statistics module alone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuneproof import statistics, tasks
from tuneproof.evaluate import run as stage
from tuneproof.evaluate.ensembles import COLUMNS, of_right
from tuneproof.files import read_frame, write_frame, write_json

SETTINGS = {
    "task": "classification",
    "dataset": "movie",
    "model": "tiny",
    "evaluation": {"bootstrap": 500, "confidence": 0.95, "seed": 0},
}


def test_diversity_of_two_by_hand() -> None:
    # both right 5, first alone 2, second alone 1, neither 2
    first = [True] * 7 + [False] * 3
    second = [True] * 5 + [False] * 2 + [True] + [False] * 2
    found = of_right([first, second])
    assert found.disagreement == pytest.approx(0.3)
    assert found.double_fault == pytest.approx(0.2)
    assert found.q == pytest.approx((5 * 2 - 2 * 1) / (5 * 2 + 2 * 1))
    assert found.note == ""


def test_diversity_is_the_mean_over_pairs_and_independent_members_have_q_zero() -> None:
    grid = [[bool(unit >> member & 1) for unit in range(8)] for member in range(3)]
    found = of_right(grid)
    assert (found.disagreement, found.double_fault, found.q) == (0.5, 0.25, 0.0)


def test_equal_members_disagree_nowhere() -> None:
    found = of_right([[True, False, True]] * 2)
    assert (found.disagreement, found.q) == (0.0, 1.0)
    never = of_right([[True, True]] * 3)
    assert math.isnan(never.q)
    assert never.note == "Q not defined for 3 of 3 pairs"


def answers(right: list[bool], split: str) -> pd.DataFrame:
    ids = [f"{split}-{row}" for row in range(len(right))]
    return pd.DataFrame({"id": ids, "split": split, "prediction": ["yes" if one else "no" for one in right]})


@pytest.fixture
def experiment(tmp_path: Path) -> tuple[Path, dict[str, Path], dict[str, list[bool]]]:
    """Three members and their majority; `b/seed-0` is best on validation, `a/seed-0` on test. All labels are yes."""
    random = np.random.default_rng(0)
    for split, rows in (("validation", 40), ("test", 100)):
        gold = pd.DataFrame({"id": [f"{split}-{row}" for row in range(rows)], "text": "…", "label": "yes"})
        gold.loc[0, "label"] = "no"
        write_frame(tmp_path / "prepared" / f"{split}.parquet", gold)
    shares = {"a/seed-0": (0.7, 0.9), "b/seed-0": (0.8, 0.75), "c/seed-0": (0.6, 0.7)}
    predictions, test = {}, {}
    for name, (on_validation, on_test) in shares.items():
        validation = list(random.permutation(40) < on_validation * 40)
        test[name] = [bool(one) for one in random.permutation(100) < on_test * 100]
        predictions[name] = tmp_path / name / "predictions.parquet"
        frames = [answers(validation, "validation"), answers(test[name], "test")]
        write_frame(predictions[name], pd.concat(frames))
    test["all"] = [sum(votes) > 1 for votes in zip(*test.values(), strict=True)]
    predictions["ensemble:all"] = tmp_path / "all" / "predictions.parquet"
    write_frame(
        predictions["ensemble:all"], pd.concat([answers([True] * 40, "validation"), answers(test["all"], "test")])
    )
    members = [{"run": name, "weight": 1 / 3} for name in shares]
    about = {"combine": "majority", "members": members, "unused": [], "forward_passes": 3}
    write_json(tmp_path / "all" / "members.json", about)
    return tmp_path / "prepared", predictions, test


def table(out: Path) -> pd.DataFrame:
    return read_frame(out / "ensembles.parquet").set_index("method")


def test_the_gain_is_over_the_member_that_is_best_on_validation(experiment, tmp_path):
    prepared, predictions, test = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    row = table(tmp_path / "out").loc["all"]
    right = {name: np.array(given) != (np.arange(100) == 0) for name, given in test.items()}  # the first label is no
    assert row["best_member"] == "b/seed-0"
    assert row["best_value"] == pytest.approx(right["b/seed-0"].mean())
    assert row["value"] == pytest.approx(right["all"].mean())
    assert row["gain"] == pytest.approx(right["all"].mean() - right["b/seed-0"].mean())
    assert (row["combine"], row["runs"], row["members"], row["forward_passes"]) == ("majority", 3, 3, 3)
    apart = [
        (right[one] != right[other]).mean()
        for one, other in (("a/seed-0", "b/seed-0"), ("a/seed-0", "c/seed-0"), ("b/seed-0", "c/seed-0"))
    ]
    assert row["disagreement"] == pytest.approx(np.mean(apart), rel=1e-5)


def test_its_interval_is_the_paired_bootstrap(experiment, tmp_path):
    prepared, predictions, test = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    row = table(tmp_path / "out").loc["all"]
    gold = read_frame(prepared / "test.parquet")
    score = tasks.get("classification").scores()["accuracy"]
    counts = statistics.resamples(100, 500, seed=0)
    made = [
        statistics.measure(score, [score.statistics(gold, answers(test[name], "test"))], counts)
        for name in ("all", "b/seed-0")
    ]
    expected = statistics.difference(*made)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-5)
    assert row["low"] < row["gain"] < row["high"]
    # by the textbook: the standard error of a mean of paired differences
    apart = (made[0].observed - made[1].observed)[0]
    each = score.statistics(gold, answers(test["all"], "test")) - score.statistics(
        gold, answers(test["b/seed-0"], "test")
    )
    error = each[:, 0].std(ddof=1) / 10
    assert row["high"] - apart == pytest.approx(1.984 * error, rel=0.15)


def test_what_cannot_be_said_has_a_note(experiment, tmp_path):
    prepared, predictions, _ = experiment
    (tmp_path / "all/members.json").unlink()
    predictions["ensemble:none"] = tmp_path / "none" / "predictions.parquet"
    write_frame(predictions["ensemble:none"], pd.DataFrame({"id": [], "split": [], "prediction": []}, dtype=object))
    write_json(tmp_path / "none/members.json", {"combine": "soup", "left_out": "there is no mean", "members": []})
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    found = table(tmp_path / "out")
    assert found.loc["all", "note"] == "not said: members.json is not there"
    assert found.loc["none", "note"] == "left out: there is no mean"
    assert found.loc["none", "combine"] == "soup"


def test_an_ensemble_of_one_member_gains_nothing_and_has_no_diversity(experiment, tmp_path):
    prepared, predictions, _ = experiment
    predictions["ensemble:all"].write_bytes(predictions["a/seed-0"].read_bytes())
    write_json(
        tmp_path / "all/members.json",
        {"combine": "greedy", "members": [{"run": "a/seed-0", "weight": 1.0}], "unused": [], "forward_passes": 1},
    )
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    row = table(tmp_path / "out").loc["all"]
    assert (row["gain"], row["p"]) == (0.0, 1.0)
    assert row["note"] == "diversity not defined: one member; no difference on any row"
    assert pd.isna(row["disagreement"])


def test_regression_has_the_correlation_of_errors(tmp_path):
    random = np.random.default_rng(1)
    gold = {split: random.normal(size=rows) for split, rows in (("validation", 30), ("test", 50))}
    for split, label in gold.items():
        ids = [f"{split}-{row}" for row in range(len(label))]
        write_frame(tmp_path / f"prepared/{split}.parquet", pd.DataFrame({"id": ids, "text": "…", "label": label}))
    predictions, errors = {}, []
    for seed in range(2):
        parts = []
        for split, label in gold.items():
            noise = random.normal(0, 0.3 + seed, len(label))
            ids = [f"{split}-{row}" for row in range(len(label))]
            parts.append(pd.DataFrame({"id": ids, "split": split, "prediction": label + noise}))
        errors.append(noise)
        predictions[f"a/seed-{seed}"] = tmp_path / f"a{seed}.parquet"
        write_frame(predictions[f"a/seed-{seed}"], pd.concat(parts))
    predictions["ensemble:both"] = tmp_path / "both" / "predictions.parquet"
    write_frame(predictions["ensemble:both"], read_frame(predictions["a/seed-0"]))
    members = [{"run": f"a/seed-{seed}", "weight": 0.5} for seed in range(2)]
    write_json(tmp_path / "both/members.json", {"combine": "mean", "members": members, "forward_passes": 2})
    stage.run({**SETTINGS, "task": "regression"}, tmp_path / "prepared", predictions, tmp_path / "out")
    row = table(tmp_path / "out").loc["both"]
    assert row["error_correlation"] == pytest.approx(np.corrcoef(*errors)[0, 1], rel=1e-5)
    assert pd.isna(row["double_fault"])
    assert (row["best_member"], row["gain"]) == ("a/seed-0", 0.0)


def test_every_column_is_explained():
    text = (Path(__file__).parents[2] / "docs/statistics.md").read_text(encoding="utf-8")
    part = text[text.index("`ensembles.csv` (test split)") :].partition("`robustness.csv`")[0]
    assert [column for column in COLUMNS if f"`{column}`" not in part] == []
