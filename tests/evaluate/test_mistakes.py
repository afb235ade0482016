"""Confusion and the most confident mistakes, counted by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

BOTH = ("validation", "test")


def binary(small):
    """Five rows, three seeds; row 1 is wrong in all, row 3 in one, row 4 in two."""
    made = small("classification", ["no", "yes"])
    for split in BOTH:
        made.prepare(split, text=["…"] * 5, label=["yes", "yes", "no", "no", "no"])
    sure = [(0.9, 0.2, 0.1, 0.3, 0.8), (0.8, 0.3, 0.2, 0.6, 0.3), (0.7, 0.1, 0.1, 0.2, 0.9)]
    for seed, yes in enumerate(sure):
        made.predict(
            f"m/seed-{seed}",
            prediction={split: ["yes" if p > 0.5 else "no" for p in yes] for split in BOTH},
            probabilities={split: [[1 - p, p] for p in yes] for split in BOTH},
        )
    return made


def test_the_surest_mistakes_come_first(small):
    found = binary(small).read("mistakes")
    assert found["rank"].tolist() == [1, 2, 3]
    assert found["id"].tolist() == ["test-001", "test-004", "test-003"]
    assert found["gold"].tolist() == ["yes", "no", "no"]
    assert found["predicted"].tolist() == ["no", "yes", "yes"]
    assert found["confidence"].tolist() == pytest.approx([(0.8 + 0.7 + 0.9) / 3, (0.8 + 0.9) / 3, 0.6 / 3], rel=1e-5)
    assert found["seeds_wrong"].tolist() == [3, 2, 1]
    assert (found["seeds"] == 3).all()


def test_twenty_mistakes_are_kept(classified):
    found = classified.read("mistakes")
    of_m = found[found["method"] == "m"]
    assert of_m["rank"].tolist() == list(range(1, 21))
    assert of_m["confidence"].is_monotonic_decreasing
    assert (of_m["gold"] != of_m["predicted"]).all()


def test_confusion_agrees_with_scikit_learn(classified):
    found = classified.read("confusion")
    gold = classified.gold["test"]["label"]
    frames = [pd.read_parquet(classified.predictions[f"m/seed-{seed}"]).query("split == 'test'") for seed in (0, 1)]
    names = sorted(set(gold))
    theirs = sum(confusion_matrix(gold, frame["prediction"], labels=names) for frame in frames)
    ours = found[found["method"] == "m"].pivot(index="gold", columns="predicted", values="answers")
    assert (ours.loc[names, names].to_numpy() == theirs).all()
    shares = found[found["method"] == "m"].groupby("gold")["share"].sum()
    assert shares.to_numpy() == pytest.approx(np.ones(3), abs=1e-5)


def test_sentences_with_their_entities(tagged):
    out = tagged.run()
    found = pd.read_csv(out / "mistakes.csv")
    assert found["id"].tolist() == ["test-001", "test-002"]
    assert found["gold"].tolist() == ["x 2–2", "–"]
    assert found["predicted"].tolist() == ["–", "x 1–1"]
    assert found["confidence"].tolist() == pytest.approx([0.4, 0.4])  # 0.8 in one of two runs
    words = pd.read_csv(out / "confusion.csv").set_index(["gold", "predicted"])["answers"]
    assert words.to_dict() == {("O", "O"): 9, ("O", "x"): 1, ("x", "O"): 1, ("x", "x"): 5}


def test_numbers_are_judged_by_their_distance(small):
    made = small("regression", ["value"])
    for split in BOTH:
        made.prepare(split, text=["…"] * 4, label=[0.0, -1.0, 2.0, 3.0])
    for seed, values in enumerate(([0.0, -1.5, 2.0, 6.0], [0.0, -1.5, 4.0, 2.0])):
        made.predict(f"m/seed-{seed}", prediction=dict.fromkeys(BOTH, values))
    out = made.run()
    found = pd.read_csv(out / "mistakes.csv")
    assert found["id"].tolist() == ["test-002", "test-003", "test-001"]
    assert found["error"].tolist() == [1, 1, 0.5]
    assert found["predicted"].tolist() == [3.0, 4.0, -1.5]
    assert pd.read_csv(out / "confusion.csv")["note"].tolist() == ["not defined: regression has no classes"]


def test_without_mistakes_or_probabilities_a_note_says_so(small):
    made = small("classification", ["no", "yes"])
    for split in BOTH:
        made.prepare(split, text=["…"] * 2, label=["yes", "no"])
    made.predict("right/seed-0", prediction={split: ["yes", "no"] for split in BOTH})
    made.predict("wrong/seed-0", prediction={split: ["no", "no"] for split in BOTH})
    made.predictions["gone/seed-0"] = made.root / "nowhere.parquet"
    found = made.read("mistakes").set_index("method")
    assert found.loc["right", "note"] == "no mistake"
    assert found.loc["wrong", "note"] == "no probabilities: by the number of runs"
    assert found.loc["wrong", "seeds_wrong"] == 1
    assert found.loc["gone", "note"] == "no run to judge"
