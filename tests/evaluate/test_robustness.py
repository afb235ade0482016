"""Drops under changed texts, against a paired t-test and sums done by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tuneproof import files, tasks
from tuneproof.evaluate import robustness

EVALUATION = {"bootstrap": 4000, "confidence": 0.95, "seed": 0}
ROWS = 60


@pytest.fixture
def gold():
    return pd.DataFrame({"id": [f"r{row}" for row in range(80)], "label": ["a", "b"] * 40})


def challenged(folder, gold, answers, *, seeds=(0,), unavailable=None):
    """`answers`: challenge → share of rows that are answered wrongly, the first ones."""
    asked = gold.iloc[:ROWS]
    frames = []
    for seed in seeds:
        for name, wrong in {"unchanged": 0.1, **answers}.items():
            right = np.arange(ROWS) >= round(wrong * ROWS) + seed
            guess = np.where(right, asked["label"], np.where(asked["label"] == "a", "b", "a"))
            frames.append(
                pd.DataFrame(
                    {"seed": seed, "challenge": name, "id": asked["id"], "changed": name != "unchanged"}
                ).assign(prediction=guess)
            )
    files.write_frame(folder / "predictions.parquet", pd.concat(frames, ignore_index=True))
    about = {"rows": ROWS, "seeds": [*seeds], "shifts": dict.fromkeys(answers, 0.2), "unavailable": unavailable or {}}
    files.write_json(folder / "challenge.json", about)
    return folder


def accuracy(folder, gold):
    found = {"accuracy": tasks.get("classification").scores()["accuracy"]}
    return {row["challenge"]: row for row in robustness.rows({"m": folder}, gold, found, EVALUATION)}


def test_a_drop_is_paired_over_rows_as_in_the_paired_t_test(tmp_path, gold):
    row = accuracy(challenged(tmp_path, gold, {"typos": 0.3}), gold)["typos"]
    assert row["unchanged"] == pytest.approx(0.9)
    assert row["changed"] == pytest.approx(0.7)
    assert row["drop"] == pytest.approx(0.2)
    assert (row["rows"], row["rows_changed"], row["seeds"], row["strength"]) == (ROWS, ROWS, 1, 0.2)
    differences = np.array([1.0] * 12 + [0.0] * 48)
    half = stats.t.ppf(0.975, ROWS - 1) * differences.std(ddof=1) / math.sqrt(ROWS)
    assert row["low"] == pytest.approx(0.2 - half, abs=0.01)
    assert row["high"] == pytest.approx(0.2 + half, abs=0.01)


def test_mean_and_worst(tmp_path, gold):
    found = accuracy(challenged(tmp_path, gold, {"case": 0.1, "punctuation": 0.2, "typos": 0.3}), gold)
    assert [*found] == ["case", "punctuation", "typos", "mean", "worst"]
    assert found["mean"]["drop"] == pytest.approx((0.0 + 0.1 + 0.2) / 3)
    assert found["worst"]["drop"] == pytest.approx(0.2)
    assert found["worst"]["note"].startswith("typos")
    # picked among three: at confidence 1 - 0.05 / 3
    widths = {name: found[name]["high"] - found[name]["low"] for name in ("typos", "worst")}
    ratio = stats.t.ppf(1 - 0.025 / 3, ROWS - 1) / stats.t.ppf(0.975, ROWS - 1)
    assert widths["worst"] / widths["typos"] == pytest.approx(ratio, rel=1e-3)


def test_no_difference_is_stated(tmp_path, gold):
    row = accuracy(challenged(tmp_path, gold, {"case": 0.1}), gold)["case"]
    assert (row["drop"], row["low"], row["high"]) == (0.0, 0.0, 0.0)
    assert row["note"] == "no difference on any row"


def test_several_runs_widen_the_interval_by_their_spread(tmp_path, gold):
    row = accuracy(challenged(tmp_path, gold, {"typos": 0.3}, seeds=(0, 1)), gold)["typos"]
    assert row["seeds"] == 2
    assert row["unchanged"] == pytest.approx((54 + 53) / 2 / ROWS)
    assert "one seed" not in (row["note"] or "")


def test_a_drop_is_positive_where_less_is_better(tmp_path):
    gold = pd.DataFrame({"id": ["a", "b", "c"], "label": [0.0, 1.0, 2.0]})
    files.write_json(tmp_path / "challenge.json", {"rows": 3, "seeds": [0], "shifts": {"typos": 0.1}})
    parts = [("unchanged", [0.0, 1.0, 2.0]), ("typos", [0.5, 1.5, 2.75])]
    frame = pd.concat(
        [
            pd.DataFrame({"seed": 0, "challenge": name, "id": gold["id"], "changed": True, "prediction": guess})
            for name, guess in parts
        ]
    )
    files.write_frame(tmp_path / "predictions.parquet", frame)
    scores = {"mae": tasks.get("regression").scores()["mae"]}
    row, mean, worst = robustness.rows({"m": tmp_path}, gold, scores, EVALUATION)
    assert row["drop"] == mean["drop"] == worst["drop"] == pytest.approx((0.5 + 0.5 + 0.75) / 3, abs=1e-6)


def test_what_could_not_be_asked_is_a_row_with_the_reason(tmp_path, gold):
    folder = challenged(tmp_path, gold, {"case": 0.1}, unavailable={"synonym": "WordNet not found"})
    assert accuracy(folder, gold)["synonym"]["note"] == "not challenged: WordNet not found"


def test_a_method_that_was_left_out_has_no_rows(tmp_path, gold):
    files.write_json(tmp_path / "challenge.json", {"left_out": "does not fit"})
    assert accuracy(tmp_path, gold) == {}


def test_answers_to_other_rows_are_not_judged(tmp_path, gold):
    folder = challenged(tmp_path, gold, {"case": 0.1})
    scores = tasks.get("classification").scores()
    (row,) = robustness.rows({"m": folder}, gold.iloc[:50], scores, EVALUATION)
    assert row["note"] == "not evaluated: 20 answers to rows that are not in the test split, as 'r50'"
