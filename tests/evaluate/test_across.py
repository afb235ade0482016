"""Tables over data sets and of the searches, on small experiments whose outcome is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuneproof.errors import DataError
from tuneproof.evaluate import ACROSS
from tuneproof.evaluate import across as job
from tuneproof.files import write_csv, write_json

EVALUATION = {"bootstrap": 500, "confidence": 0.95, "rope": 0.01, "seed": 0}


def write_scores(results: Path, values: dict[str, dict[str, float]], model: str = "tiny") -> dict:
    """scores.csv of each data set; returns settings."""
    for dataset, methods in values.items():
        rows = [
            {"method": name, "kind": kind, "split": split, "seed": seed, "score": score, "value": value + shift}
            for name, value in methods.items()
            for kind, split, seed, score, shift in (
                ("method", "test", None, "accuracy", 0),
                ("method", "test", 0, "accuracy", 0.1),  # all but the first kind of row must be passed over
                ("method", "validation", None, "accuracy", 0.2),
                ("method", "test", None, "macro_f1", 0.3),
            )
        ]
        rows.append({"method": "all", "kind": "ensemble", "split": "test", "seed": None, "score": "accuracy"})
        write_csv(results / "evaluate" / dataset / model / "scores.csv", pd.DataFrame(rows))
    return {
        "cells": [[dataset, model, method] for dataset, methods in values.items() for method in methods],
        "datasets": {dataset: {"primary": "accuracy"} for dataset in values},
        "evaluation": EVALUATION,
        "ranges": {"warmup_ratio": [0.0, 0.2]},
    }


def write_search(results: Path, where: str, values: list[float | None], states: list[str] | None = None) -> None:
    generator = np.random.default_rng(len(values))
    rates = np.exp(generator.uniform(math.log(1e-5), math.log(1e-2), len(values)))
    states = states or ["complete"] * len(values)
    frame = pd.DataFrame(
        {
            "trial": range(len(values)),
            "state": states,
            "learning_rate": rates,
            "warmup_ratio": generator.uniform(0, 0.2, len(values)),
            "epochs": 3,
            "value": values,
        }
    )
    folder = results / "search" / where
    write_csv(folder / "trials.csv", frame)
    best = frame[frame["state"] == "complete"].sort_values("value").iloc[-1]
    write_json(
        folder / "best.json",
        {
            "learning_rate": best["learning_rate"],
            "warmup_ratio": best["warmup_ratio"],
            "score": "accuracy",
            "value": best["value"],
            "trial": int(best["trial"]),
            "trials": len(values),
            "range": [1e-5, 1e-2],
            "edge": "high",
        },
    )


def tables(out: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(out / f"{name}.csv") for name in {Path(file).stem for file in ACROSS}}


def seven(generator: np.random.Generator) -> dict[str, dict[str, float]]:
    """Seven data sets; `good` beats `poor` on all, `alike` lies within half a point of `good`."""
    found = {}
    for place in range(7):
        base = generator.uniform(0.6, 0.9)
        found[f"d{place}"] = {
            "poor": base - 0.05,
            "good": base + 0.05,
            "alike": base + 0.05 + generator.uniform(-0.005, 0.005),
        }
    return found


def test_methods_are_compared_over_data_sets(tmp_path):
    settings = write_scores(tmp_path, seven(np.random.default_rng(0)))
    job.run(settings, tmp_path, tmp_path / "out")
    found = tables(tmp_path / "out")
    pairs = found["across"].set_index(["a", "b"])
    clear = pairs.loc[("good", "poor")]
    assert clear["difference"] == pytest.approx(0.1, abs=1e-6)
    assert (clear["datasets"], clear["wins"], clear["ties"], clear["losses"]) == (7, 7, 0, 0)
    assert clear["p_wilcoxon"] == pytest.approx(2 / 2**7, abs=1e-6)
    assert clear["p_wilcoxon_holm"] == pytest.approx(3 * 2 / 2**7, abs=1e-6)
    assert clear["distinguishable"]
    assert clear["probability_a"] > 0.99
    close = pairs[pairs.index.map(set) == {"good", "alike"}].iloc[0]
    assert close["probability_rope"] > 0.99
    assert not close["distinguishable"]
    ranks = found["ranks"].set_index("method")
    assert ranks.loc["poor", "mean_rank"] == 3
    assert ranks["mean_rank"].sum() == pytest.approx(6)
    assert set(ranks.loc["good", "letters"]) & set(ranks.loc["alike", "letters"])
    assert not set(ranks.loc["good", "letters"]) & set(ranks.loc["poor", "letters"])
    test = found["friedman"].iloc[0]
    assert (test["datasets"], test["methods"]) == (7, 3)
    assert test["p_f"] < 0.01
    assert pd.isna(test["note"])


def test_gaps_are_closed_by_the_largest_whole_table(tmp_path):
    values = {
        "a": {"full": 0.9, "lora": 0.8, "probe": 0.7},
        "b": {"full": 0.9, "lora": 0.7, "probe": 0.8, "mention": 0.9},
        "c": {"full": 0.9, "probe": 0.8},
    }
    settings = write_scores(tmp_path, values)
    job.run(settings, tmp_path, tmp_path / "out")
    found = tables(tmp_path / "out")
    test = found["friedman"].iloc[0]
    # three data sets × two methods and two data sets × three methods are as large: data sets count more
    assert (test["datasets"], test["methods"]) == (3, 2)
    assert test["note"] == "without methods lora, mention, which have no score on every data set"
    pairs = found["across"].set_index(["a", "b"])
    assert pairs.loc[("full", "lora"), "datasets"] == 2
    assert pd.isna(pairs.loc[("full", "lora"), "p_nemenyi"])
    assert pairs.loc[("mention", "lora"), "note"] == "not tested: one data set"
    assert "2 data sets: Wilcoxon's p cannot fall below 0.5" in pairs.loc[("full", "lora"), "note"]


def test_data_sets_with_few_methods_are_given_up_for_more_methods():
    many = {f"m{place}": 0.5 for place in range(6)}
    assert job.complete({"a": many, "b": many, "c": {"m0": 0.5, "m1": 0.5}}) == (["a", "b"], list(many))
    assert job.complete({"a": many, "b": {"m1": 0.5, "m0": 0.5}}) == (["a", "b"], ["m0", "m1"])
    assert job.complete({}) == ([], [])


def test_one_data_set_is_no_basis_and_says_so(tmp_path):
    settings = write_scores(tmp_path, {"a": {"full": 0.9, "lora": 0.8}})
    job.run(settings, tmp_path, tmp_path / "out")
    found = tables(tmp_path / "out")
    assert found["friedman"]["note"].tolist() == ["not tested: one data set"]
    assert found["ranks"]["mean_rank"].tolist() == [1, 2]
    assert found["ranks"]["letters"].isna().all()
    assert found["across"]["note"].tolist() == ["not tested: one data set"]
    assert not found["across"]["distinguishable"].any()


def test_models_are_kept_apart(tmp_path):
    first = write_scores(tmp_path, {"a": {"x": 0.9, "y": 0.8}, "b": {"x": 0.9, "y": 0.8}}, "one")
    second = write_scores(tmp_path, {"a": {"x": 0.7, "y": 0.8}, "b": {"x": 0.7, "y": 0.8}}, "two")
    job.run({**first, "cells": first["cells"] + second["cells"]}, tmp_path, tmp_path / "out")
    pairs = tables(tmp_path / "out")["across"]
    assert pairs[["model", "a", "b"]].values.tolist() == [["one", "x", "y"], ["two", "y", "x"]]


def test_sizes_and_draws_of_one_data_set_are_one_observation(tmp_path):
    values = {
        "a-8-draw-0": {"x": 0.5, "y": 0.7, "z": 0.6},
        "a-8-draw-1": {"x": 0.7, "y": 0.6},
        "b": {"x": 0.9, "y": 0.8, "z": 0.1},
    }
    settings = write_scores(tmp_path, values)
    for name in ("a-8-draw-0", "a-8-draw-1"):
        settings["datasets"][name]["family"] = "a"
    job.run(settings, tmp_path, tmp_path / "out")
    pairs = tables(tmp_path / "out")["across"].set_index(["a", "b"])
    assert pairs.loc[("x", "y"), "datasets"] == 2
    assert pairs.loc[("x", "y"), "difference"] == pytest.approx((0.6 - 0.65 + 0.1) / 2)
    assert pairs.loc[("x", "y"), ["wins", "losses"]].tolist() == [1, 1]
    assert pairs.loc[("x", "z"), "datasets"] == 1  # z has no score on one of the two draws


def test_searches_are_judged(tmp_path):
    settings = write_scores(tmp_path, {"a": {"full": 0.9, "lora": 0.8, "gone": 0.7, "unfit": 0.6}})
    write_search(tmp_path, "a/tiny/full", [0.6, 0.7, 0.5, 0.9], ["complete", "complete", "pruned", "complete"])
    write_search(tmp_path, "a/tiny/lora", [0.8, 0.7, None, 0.75], ["complete", "complete", "diverged", "pruned"])
    write_csv(
        tmp_path / "search/a/tiny/unfit/trials.csv",
        pd.DataFrame(columns=["trial", "state", "learning_rate", "warmup_ratio", "epochs", "value"]),
    )
    write_json(tmp_path / "search/a/tiny/unfit/best.json", {"left_out": "too few layers"})
    job.run(settings, tmp_path, tmp_path / "out")
    found = tables(tmp_path / "out")
    search = found["search"].set_index("method")
    full = search.loc["full"]
    assert (full["trials"], full["complete"], full["pruned"], full["diverged"]) == (4, 3, 1, 0)
    assert (full["share_pruned"], full["best"], full["best_half"], full["edge"]) == (0.25, 0.9, 0.7, "high")
    assert search.loc["lora", "diverged"] == 1
    assert search.loc["gone", "note"] == "the search did not finish"
    assert search.loc["unfit", "note"] == "left out: too few layers"
    half = found["half_budget"].iloc[0]
    assert (half["methods"], half["trials"], half["half"], half["tau"]) == (2, 4, 2, -1)
    assert not half["same_winner"]
    expected = found["expected_best"].set_index(["method", "trials"])
    assert expected.loc[("full", 4), "expected_unbiased"] == 0.9
    assert expected.loc[("lora", 3), "expected_unbiased"] == 0.8
    assert ("lora", 4) not in expected.index
    assert len(found["trials"]) == 8
    assert (found["importances"]["note"].str.endswith("complete trials, fewer than 10")).all()


def test_many_trials_show_which_setting_matters(tmp_path):
    settings = write_scores(tmp_path, {"a": {"full": 0.9}})
    write_search(tmp_path, "a/tiny/full", [0.0] * 30)
    path = tmp_path / "search/a/tiny/full/trials.csv"
    frame = pd.read_csv(path)
    write_csv(path, frame.assign(value=-np.abs(np.log10(frame["learning_rate"]) + 3.5)))
    job.run(settings, tmp_path, tmp_path / "out")
    found = tables(tmp_path / "out")["importances"].set_index("setting")["share"]
    assert found["learning_rate"] > 0.8
    assert found.sum() == pytest.approx(1)


def test_equal_input_gives_equal_bytes(tmp_path):
    settings = write_scores(tmp_path, seven(np.random.default_rng(1)))
    write_search(tmp_path, "d0/tiny/good", [0.5, 0.6, 0.7])
    for name in ("one", "two"):
        job.run(settings, tmp_path, tmp_path / name)
    for file in ACROSS:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_results_give_empty_tables_and_broken_ones_a_mistake(tmp_path):
    settings = write_scores(tmp_path, {"a": {"full": 0.9, "lora": 0.8}})
    job.run(settings, tmp_path / "nowhere", tmp_path / "out")
    found = tables(tmp_path / "out")
    assert found["across"].empty
    assert found["friedman"]["note"].tolist() == ["ranks not defined: no method"]
    assert (found["search"]["note"] == "the search did not finish").all()
    search = tmp_path / "search/a/tiny/full"
    for file, text in (
        ("trials.csv", "trial,state\n0,complete\n"),
        ("trials.csv", "trial,state,learning_rate,warmup_ratio,epochs,value\n0,complete,x,0.1,3,0.5\n"),
        ("trials.csv", "trial,state,learning_rate,warmup_ratio,epochs,value\n0,complete,0.1,0.1,,0.5\n"),
        ("best.json", "[1]"),
        ("best.json", '{"learning_rate": 1, "range": 3}'),
        ("best.json", '{"learning_rate": "x", "range": [1, 2], "value": 1}'),
    ):
        write_search(tmp_path, "a/tiny/full", [0.5, 0.6])
        (search / file).write_text(text)
        with pytest.raises(DataError, match="not what a search writes"):
            job.run(settings, tmp_path, tmp_path / "out")
    write_search(tmp_path, "a/tiny/full", [0.5, 0.6])
    (tmp_path / "evaluate/a/tiny/scores.csv").write_text("split\ntest\n")
    with pytest.raises(DataError, match="not a table of scores"):
        job.run(settings, tmp_path, tmp_path / "out")
    (tmp_path / "evaluate/a/tiny/scores.csv").write_text("")
    with pytest.raises(DataError, match="not a readable table"):
        job.run(settings, tmp_path, tmp_path / "out")
