"""Flipped labels are found, right ones are left alone; texts of two topics by a real model's features."""

import numpy as np
import pandas as pd
import pytest

from tuneproof import files, label_errors
from tuneproof.commands.label_errors import label_errors as command
from tuneproof.errors import DataError


def test_flipped_labels_of_a_separable_set_are_found():
    random = np.random.default_rng(0)
    true = np.arange(600) % 3
    inputs = random.normal(size=(600, 8)) + 4 * np.eye(8)[true]
    flipped = random.choice(600, 60, replace=False)
    given = true.copy()
    given[flipped] = (true[flipped] + random.integers(1, 3, 60)) % 3
    ids = [f"row-{n}" for n in range(600)]
    found = label_errors.suspects(ids, [f"class-{code}" for code in given], inputs, where="mine")
    right = {f"row-{row}" for row in flipped}
    hits = right.intersection(found["id"])
    assert len(hits) / len(found) > 0.95
    assert len(hits) / len(right) > 0.8
    numbers = found["id"].str[4:].astype(int)
    assert np.mean([name == f"class-{true[row]}" for name, row in zip(found["suggested"], numbers, strict=True)]) > 0.9
    assert (found["confidence"] > found["given_confidence"]).all()
    assert found["given_confidence"].is_monotonic_increasing


def test_a_class_of_one_row_is_told():
    with pytest.raises(DataError, match=r"mine: class 'b' has 1 rows; needed: two classes of two rows each"):
        label_errors.suspects(list("123"), ["a", "a", "b"], np.zeros((3, 2)), where="mine")


def test_command_on_texts_and_a_frozen_model(tmp_path, minilm, capsys):
    foods, places = ["bread", "cheese", "soup", "apples", "rice"], ["Rome", "Paris", "Oslo", "Cairo", "Lima"]
    rows = [(f"We ate {one} with {two} for dinner.", "food") for one in foods for two in foods]
    rows += [(f"The train from {one} to {two} was late.", "travel") for one in places for two in places]
    wrong = {3: "travel", 30: "food"}
    frame = pd.DataFrame(rows, columns=["text", "label"])
    frame["label"] = [wrong.get(place, label) for place, label in enumerate(frame["label"])]
    frame.insert(0, "id", [f"row-{place}" for place in range(len(frame))])
    results = tmp_path / "results"
    files.write_frame(results / "prepare/mine/train.parquet", frame)
    files.write_json(results / "prepare/mine/card.json", {"task": "classification", "rows": {"train": len(frame)}})
    files.write_json(results / "fetch/models/minilm.json", {"folder": str(minilm)})
    command("mine", "minilm", out=tmp_path / "found.csv", split="train", max_length=32, results=results)
    found = pd.read_csv(tmp_path / "found.csv")
    assert set(found["id"]) == {"row-3", "row-30"}
    assert dict(zip(found["id"], found["suggested"], strict=True)) == {"row-3": "food", "row-30": "travel"}
    assert "2 of 50 rows are suspect" in capsys.readouterr().out
