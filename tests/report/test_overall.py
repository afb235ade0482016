"""The answer over all data sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tuneproof.files import write_csv
from tuneproof.report.latency import Latency
from tuneproof.report.overall import overall, safe_choice, use
from tuneproof.report.panels import LEADERBOARD, Panel, frame_of
from tuneproof.report.results import Results


def panel(dataset: str, apart: tuple[tuple[str, str], ...] = (), **rows: tuple[float, float]) -> Panel:
    """A panel of method=(value, seconds), with the pairs that can be told apart."""
    ranked = sorted(rows, key=lambda name: -rows[name][0])
    board = [
        {
            "dataset": dataset,
            "model": "tiny",
            "method": name,
            "kind": "ensemble" if name == "all" else "method",
            "score": "accuracy",
            "value": rows[name][0],
            "train_seconds": rows[name][1],
            "trainable_parameters": 1000,
            "peak_memory_mb": 512.0,
        }
        for name in ranked
    ]
    pairs = [
        {"a": a, "b": b, "distinguishable": (a, b) in apart, "detectable": 0.05}
        for place, a in enumerate(ranked)
        for b in ranked[place + 1 :]
    ]
    none = pd.DataFrame()
    frames = (none, pd.DataFrame(pairs), none, none)
    return Panel(
        dataset, "tiny", "accuracy", frame_of(board, LEADERBOARD), *frames, {}, [], [], [], [], {}, Latency({}, False)
    )


def test_the_fastest_of_those_near_the_best_everywhere_is_named(tmp_path: Path):
    first = panel("movie", full=(0.80, 40), lora=(0.79, 30), probe=(0.60, 5))
    second = panel("tweets", full=(0.70, 40), lora=(0.69, 30), probe=(0.69, 5))
    ran, near = safe_choice([first, second])
    assert {name: found.method for name, found in ran.items()} == {"movie": "lora", "tweets": "lora"}
    assert near == ["movie", "tweets"]
    (found,) = overall([first, second], Results(tmp_path), confidence=0.95)
    assert found.sentence == (
        "Use lora: on every data set it is close to the best, and nothing is shown to be better. "
        "It trains in about 30 s, with 512 MB of memory; 1 k parameters learn."
    )
    assert "too little in common" in found.certainty


def test_a_method_that_did_not_run_everywhere_says_so(tmp_path: Path):
    panels = [
        panel("movie", lora=(0.80, 30), full=(0.70, 40)),
        panel("tweets", lora=(0.80, 30), full=(0.70, 40)),
        panel("rating", full=(0.70, 40), probe=(0.2, 5)),
    ]
    (found,) = overall(panels, Results(tmp_path), confidence=0.95)
    assert "on movie and tweets; it did not run on rating." in found.sentence


def test_none_that_is_near_everywhere_is_said(tmp_path: Path):
    panels = [panel("movie", lora=(0.80, 30), full=(0.70, 40)), panel("tweets", lora=(0.60, 30), full=(0.80, 40))]
    (found,) = overall(panels, Results(tmp_path), confidence=0.95)
    assert found.sentence.startswith("No method is close to the best on every data set. lora comes nearest")


def test_how_sure_it_is_comes_from_friedmans_test(tmp_path: Path):
    panels = [panel(name, lora=(0.80, 30), full=(0.79, 40)) for name in ("movie", "tweets")]
    for f, p, words in (
        (1.5, 0.2, "may be chance (Friedman, p 0.200)"),
        (9.0, 0.01, "differ by more than chance explains"),
        (None, 0.5, "may be chance (Friedman, p 0.500)"),  # two data sets that agree: F is infinite, and proves little
    ):
        table = pd.DataFrame({"model": ["tiny"], "datasets": [2], "methods": [2], "p": [0.157], "f": [f], "p_f": [p]})
        write_csv(tmp_path / "evaluate" / "friedman.csv", table)
        (found,) = overall(panels, Results(tmp_path), confidence=0.95)
        assert words in found.certainty


def test_one_data_set_has_no_answer_over_all_and_its_own_names_no_ensemble(tmp_path: Path):
    alone = panel("movie", (("all", "probe"), ("lora", "probe")), all=(0.9, 90), lora=(0.80, 30), probe=(0.5, 5))
    assert overall([alone], Results(tmp_path), confidence=0.95) == []
    assert use(alone) == "Use lora: accuracy 0.800, 30 s of training."
    assert use(panel("movie", all=(0.9, 90))) is None
