"""Runs on other data sets' test rows: what is asked, and how it is scored."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tuneproof import files, tasks
from tuneproof.challenge.predictor import Answers
from tuneproof.challenge.run import everything
from tuneproof.challenge.transfer import Transfer
from tuneproof.evaluate import transfer

EVALUATION = {"bootstrap": 2000, "confidence": 0.95, "seed": 0}
CLASSIFICATION = tasks.get("classification")


@pytest.fixture
def prepared(tmp_path):
    labels = {"home": ["a", "b"], "near": ["a", "b"], "far": ["x", "y"]}
    for name, classes in labels.items():
        frame = pd.DataFrame({"id": [f"{name}{row}" for row in range(40)], "text": ["a text"] * 40, "label": "a"})
        files.write_frame(tmp_path / "prepare" / name / "test.parquet", frame)
        files.write_json(tmp_path / "prepare" / name / "card.json", {"labels": classes})
    return tmp_path / "prepare" / "home"


def challenged(prepared, folder, names, *, wrong=(10, 6)):
    """Two runs that answer so many of the 40 rows wrongly."""
    other = Transfer(names, prepared, everything)
    for seed, count in enumerate(wrong):

        def predict(texts, count=count):
            answers = ["b" if row < count else "a" for row in range(len(texts))]
            return Answers(answers, [np.array([0.5, 0.5], np.float32)] * len(texts))

        other.look(SimpleNamespace(predict=predict, labels=["a", "b"]), seed)
    other.write(folder, CLASSIFICATION)
    about = {"seeds": [0, 1], "also_test_on": list(names), "untried": other.untried}
    files.write_json(folder / "challenge.json", about)


def test_all_rows_are_answered_and_scored(tmp_path, prepared):
    challenged(prepared, tmp_path / "c", ["near"])
    found = files.read_frame(tmp_path / "c" / "transfer.parquet")
    assert list(found.columns) == ["seed", "test_on", "id", "prediction", "probabilities"]
    assert len(found) == 80
    scores = {"accuracy": CLASSIFICATION.scores()["accuracy"]}
    (row,) = transfer.rows({"m": tmp_path / "c"}, prepared, scores, EVALUATION)
    assert (row["test_on"], row["rows"], row["seeds"]) == ("near", 40, 2)
    assert row["value"] == pytest.approx((30 + 34) / 80)
    assert row["low"] < row["value"] < row["high"]


def test_other_labels_are_a_row_with_the_reason(tmp_path, prepared):
    challenged(prepared, tmp_path / "c", ["far"])
    scores = {"accuracy": CLASSIFICATION.scores()["accuracy"]}
    (row,) = transfer.rows({"m": tmp_path / "c"}, prepared, scores, EVALUATION)
    assert row["note"] == "not tested: its labels are x, y, not a, b"
    assert len(files.read_frame(tmp_path / "c" / "transfer.parquet")) == 0


def test_rows_that_were_prepared_anew_are_not_scored(tmp_path, prepared):
    challenged(prepared, tmp_path / "c", ["near"])
    path = prepared.parent / "near" / "test.parquet"
    files.write_frame(path, files.read_frame(path).iloc[1:])
    (row,) = transfer.rows({"m": tmp_path / "c"}, prepared, CLASSIFICATION.scores(), EVALUATION)
    assert "answers other rows" in row["note"]


def test_where_nothing_was_asked_there_is_no_row(tmp_path, prepared):
    files.write_json(tmp_path / "c" / "challenge.json", {"left_out": "does not fit"})
    files.write_json(tmp_path / "d" / "challenge.json", {"seeds": [0], "also_test_on": []})
    asked = {"c": tmp_path / "c", "d": tmp_path / "d"}
    assert transfer.rows(asked, prepared, CLASSIFICATION.scores(), EVALUATION) == []
