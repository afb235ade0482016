"""Frames and sentences of the report."""

from __future__ import annotations

import math
import shutil

import pandas as pd
import pytest

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.report import panels, run, tables
from tuneproof.report.latency import Latency


def panel(settings, results, place=0) -> tables.Panel:
    return tables.panels(settings, tables.Results(results))[place]


def test_leaderboard_has_one_row_a_cell_and_ensemble_best_first(write_results, tmp_path):
    settings, results = write_results(models=("tiny", "small"))
    run.run(settings, results, tmp_path / "out")
    board = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert list(board.columns) == [
        *(
            "dataset",
            "model",
            "method",
            "kind",
            "score",
            "value",
            "low",
            "high",
            "seed_mean",
            "seed_sd",
            "seeds",
            "group",
        ),
        *("trainable_parameters", "train_seconds", "peak_memory_mb", "checkpoint_mb", "learning_rate"),
    ]
    assert len(board) == 2 * 2 * (7 + 1)
    assert not board.duplicated(["dataset", "model", "method"]).any()
    assert board["dataset"].drop_duplicates().tolist() == ["movie", "tweets"]
    for _, rows in board.groupby("dataset"):
        assert rows["value"].is_monotonic_decreasing
    lora = board[(board["method"] == "lora") & (board["dataset"] == "movie") & (board["model"] == "tiny")].iloc[0]
    scores = pd.read_csv(results / "evaluate" / "movie" / "tiny" / "scores.csv")
    seeds = scores.query("method == 'lora' and split == 'test' and score == 'accuracy' and seed.notna()")["value"]
    assert lora["seed_mean"] == pytest.approx(seeds.mean(), abs=1e-6)
    assert lora["seed_sd"] == pytest.approx(seeds.std(ddof=1), rel=1e-5)
    assert (lora["seeds"], lora["trainable_parameters"], lora["learning_rate"]) == (3, 74_242, 6e-4)
    assert lora["checkpoint_mb"] == pytest.approx(74_242 * 4 / 1e6, rel=1e-5)


def test_an_ensemble_costs_what_its_members_cost(write_results):
    settings, results = write_results(datasets=("movie",))
    board = panel(settings, results).board.set_index("method")
    costs = [
        tables.Results(results).json("train", "movie", "tiny", "full", f"seed-{s}", "cost.json") for s in (0, 1, 2)
    ]
    assert board.loc["all-seeds", "train_seconds"] == pytest.approx(sum(cost["train_seconds"] for cost in costs))
    assert pd.isna(board.loc["all-seeds", "trainable_parameters"])


def test_a_soup_takes_the_space_of_one_model(write_results):
    settings, results = write_results(datasets=("movie",))
    path = results / "ensemble/movie/tiny/all-seeds/members.json"
    content = files.read_json(path)
    parts = {"a.safetensors": {"bytes": 3_000_000}, "tuneproof.json": {"bytes": 500}}
    files.write_json(path, {**content, "checkpoint": parts})
    board = panel(settings, results).board.set_index("method")
    assert board.loc["all-seeds", "checkpoint_mb"] == pytest.approx(3.0005)


def judged(**rows) -> tables.Panel:
    """A panel from method=(value, low, high, seconds, [methods it can be told from])."""
    ranked = sorted(rows.items(), key=lambda item: -item[1][0])
    board = [
        {"method": m, "kind": "method", "value": v, "low": low, "high": high, "seeds": 3, "train_seconds": seconds}
        for m, (v, low, high, seconds, _) in ranked
    ]
    pairs = [
        {"a": a, "b": b, "distinguishable": b in rows[a][4] or a in rows[b][4], "detectable": 0.031}
        for i, (a, _) in enumerate(ranked)
        for b, _ in ranked[i + 1 :]
    ]
    comparisons = pd.DataFrame(pairs, columns=["a", "b", "distinguishable", "detectable"])
    empty = pd.DataFrame()
    return tables.Panel(
        *("movie", "tiny", "accuracy", panels.frame_of(board, tables.LEADERBOARD), empty, comparisons, empty, empty),
        *({"test": 600}, [], [], [], [], {}, Latency({}, alone=False)),
    )


def test_verdict_names_the_best_its_rivals_and_the_cheapest_of_them():
    found = tables.verdict(
        judged(
            full=(0.812, 0.78, 0.84, 40.0, ["probe"]),
            lora=(0.806, 0.77, 0.83, 30.0, ["probe"]),
            adapter=(0.801, 0.77, 0.83, 35.0, []),
            probe=(0.70, 0.66, 0.73, 5.0, []),
        ),
        confidence=0.95,
    )
    assert found.sentence == (
        "full is ahead at 0.812 [0.780–0.840]; it cannot be told apart from lora and adapter; "
        "cheapest of these: lora (30 s of training)."
    )
    assert found.basis == (
        "accuracy, 600 test rows and 3 seeds; brackets: 95% interval. "
        "Differences below about 0.031 would mostly go unseen here."
    )
    assert found.leaders == ["full", "lora", "adapter"]


def test_a_noisy_method_far_behind_is_not_recommended_for_its_price():
    found = tables.verdict(
        judged(
            full=(0.812, 0.78, 0.84, 40.0, []),
            lora=(0.806, 0.77, 0.83, 30.0, []),
            prefix=(0.659, 0.45, 0.86, 5.0, []),
        ),
        confidence=0.95,
    )
    assert found.sentence == (
        "full is ahead at 0.812 [0.780–0.840]; it cannot be told apart from lora and prefix; "
        "cheapest of these within 0.031 of it: lora (30 s of training)."
    )


def test_verdict_of_a_clear_winner_of_one_method_and_of_none():
    clear = judged(full=(0.9, 0.88, 0.92, 40.0, ["probe"]), probe=(0.7, 0.66, 0.73, 5.0, []))
    assert tables.verdict(clear, confidence=0.95).sentence == (
        "full is ahead at 0.900 [0.880–0.920]; every other is behind by more than chance explains."
    )
    alone = tables.verdict(judged(full=(0.9, math.nan, math.nan, 40.0, [])), confidence=0.95)
    assert alone.sentence == "full reaches 0.900; nothing else has a result to compare it with."
    assert tables.verdict(judged(), confidence=0.95).sentence == "No method has a result yet."


def test_an_unmeasured_cost_is_not_called_the_cheapest():
    found = tables.verdict(
        judged(full=(0.81, 0.78, 0.84, 40.0, []), lora=(0.80, 0.77, 0.83, None, [])), confidence=0.95
    )
    assert found.sentence == "full is ahead at 0.810 [0.780–0.840]; it cannot be told apart from lora."


def test_a_method_that_failed_is_stated(write_results):
    settings, results = write_results(datasets=("movie",), failed=("ia3",))
    found = panel(settings, results)
    assert found.absent == ["ia3: no result; its search did not finish."]
    assert found.board["method"].tolist()[-1] == "ia3"
    assert math.isnan(found.board["value"].tolist()[-1])


def test_a_seed_that_failed_is_named(write_results):
    settings, results = write_results(datasets=("movie",), methods=("full", "lora"), failed=())
    settings["cells"].append(["movie", "tiny", "late"])
    settings["methods"]["late"] = settings["methods"]["lora"]
    folder = results / "search" / "movie" / "tiny"
    shutil.copytree(folder / "lora", folder / "late")
    assert panel(settings, results).absent == ["late: no result; training did not finish for seed 0, 1, 2."]


def test_no_results_at_all_still_give_a_page(write_results, tmp_path):
    settings, _ = write_results(datasets=("movie",), methods=("full",))
    run.run(settings, tmp_path / "nothing", tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "No method has a result yet." in page
    assert "The data card is absent" in page
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["value"].isna().all()


def test_edges_of_the_search_are_warned_of(write_results):
    settings, results = write_results(datasets=("movie",))
    assert panel(settings, results).warnings == [
        "probe: its best learning rate, 9e-3, lies at the high end of the range searched (9e-4 to 9e-3); "
        "a better one may lie outside."
    ]


def test_a_broken_file_is_a_mistake_that_names_it(write_results):
    settings, results = write_results(datasets=("movie",), methods=("full",))
    (results / "evaluate" / "movie" / "tiny" / "scores.csv").write_text("")
    with pytest.raises(DataError, match=r"scores\.csv: not a readable table"):
        panel(settings, results)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (tables.number(0.80649), "0.806"),
        (tables.number(math.nan), "–"),
        (tables.rate(2e-5), "2e-5"),
        (tables.rate(1.54e-3), "1.5e-3"),
        (tables.duration(6.04), "6.04 s"),
        (tables.duration(750), "12.5 min"),
        (tables.duration(9000), "2.5 h"),
        (tables.amount(258), "258"),
        (tables.amount(4_386_306), "4.39 M"),
        (tables.p_value(0.0004), "< 0.001"),
    ],
)
def test_numbers_read_well(shown, text):
    assert shown == text


# many methods


def test_places_follow_from_who_is_told_apart_from_whom():
    panel = judged(
        a=(0.9, 0.8, 1.0, 1.0, ["c", "d"]),
        b=(0.8, 0.7, 0.9, 1.0, ["d"]),
        c=(0.7, 0.6, 0.8, 1.0, []),
        d=(0.6, 0.5, 0.7, 1.0, []),
    )
    assert tables.places(panel) == {"a": "1–2", "b": "1–3", "c": "2–4", "d": "3–4"}
    alone = judged(a=(0.9, 0.8, 1.0, 1.0, ["b"]), b=(0.8, 0.7, 0.9, 1.0, []))
    assert tables.places(alone) == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("groups", "few"), [(["a", "ab", "b"], True), (["a", "abcdefg", "g"], False), (["", "", ""], False)]
)
def test_letters_are_shown_where_they_can_be_told_at_a_glance(groups, few):
    panel = judged(a=(0.9, 0.8, 1.0, 1.0, []), b=(0.8, 0.7, 0.9, 1.0, []), c=(0.7, 0.6, 0.8, 1.0, []))
    read_back = [group or math.nan for group in groups]  # as pandas reads an empty cell
    assert tables.lettered(panel._replace(board=panel.board.assign(group=read_back))) == few


def test_a_verdict_on_many_names_some_and_counts_the_others():
    rows = {f"m{i:02}": (0.9 - i / 1000, 0.8, 1.0, 1.0, []) for i in range(20)}
    sentence = tables.verdict(judged(**rows), confidence=0.95).sentence
    assert "it cannot be told apart from m01, m02, m03, m04, m05 and 14 others;" in sentence


def test_the_matrix_has_a_square_a_pair_in_the_order_of_the_board(write_results):
    settings, results = write_results(datasets=("movie",))
    panel = tables.panels(settings, tables.Results(results))[0]
    found = tables.matrix(panel)
    assert {(pair.better, pair.other) for pair in found} == {(i, j) for j in range(8) for i in range(j)}
    names = panel.ranked["method"].tolist()
    apart = panel.comparisons[panel.comparisons["distinguishable"]]
    assert {(names[p.better], names[p.other]) for p in found if p.apart} == set(
        zip(apart["a"], apart["b"], strict=True)
    )
    assert found[0].told.startswith(f"{names[0]} before ")
