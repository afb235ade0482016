"""The tables of calibration, against scikit-learn, the scores, and words counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss


def test_measures_of_each_seed_and_over_seeds(classified):
    out = classified.run()
    found = pd.read_csv(out / "calibration.csv")
    scores = pd.read_csv(out / "scores.csv")
    test = classified.gold["test"]
    raw = found[found["scaling"] == "none"].set_index(["method", "seed", "measure"])
    for seed in range(2):
        predicted = pd.read_parquet(classified.predictions[f"m/seed-{seed}"]).query("split == 'test'")
        given = np.stack(list(predicted["probabilities"])).astype(float)
        truth = pd.get_dummies(test["label"]).to_numpy(float)
        assert raw.loc[("m", seed, "brier"), "value"] == pytest.approx(
            ((given - truth) ** 2).sum(axis=1).mean(), rel=1e-5
        )
        given = np.clip(given / given.sum(axis=1, keepdims=True), np.finfo(np.float32).eps, 1)
        assert raw.loc[("m", seed, "log_loss"), "value"] == pytest.approx(log_loss(test["label"], given), rel=1e-4)
        right = (predicted["prediction"].to_numpy() == test["label"].to_numpy()).astype(float)
        confidence = given.max(axis=1)
        bins = np.split(np.argsort(-confidence, kind="stable"), 15)
        by_hand = sum(abs(confidence[rows].sum() - right[rows].sum()) for rows in bins) / 120
        assert raw.loc[("m", seed, "ece"), "value"] == pytest.approx(by_hand, abs=1e-5)
    kept = ["split", "method", "seed", "value", "low", "high"]
    theirs = scores[(scores["score"] == "log_loss") & (scores["split"] == "test")][kept].reset_index(drop=True)
    ours = found[(found["measure"] == "log_loss") & (found["scaling"] == "none")][kept].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs)
    over_seeds = found[found["seed"].isna() & (found["method"] == "m") & (found["measure"] == "ece")]
    assert (over_seeds["low"] <= over_seeds["value"]).all()
    assert (over_seeds["value"] <= over_seeds["high"]).all()


def test_a_temperature_mends_what_is_too_sure(classified):
    found = classified.read("calibration")
    over_seeds = found[found["seed"].isna()].set_index(["method", "scaling", "measure"])["value"]
    assert over_seeds["m", "temperature", "temperature"] == pytest.approx(3, rel=0.4)
    for measure in ("ece", "brier", "log_loss"):
        assert over_seeds["m", "temperature", measure] < over_seeds["m", "none", measure]
    assert over_seeds["m", "none", "ece"] > 2 * over_seeds["m", "none", "ece_by_chance"]


def test_reliability_and_risk_hold_together_with_the_scores(classified):
    out = classified.run()
    reliability, risk = (pd.read_csv(out / f"{name}.csv") for name in ("reliability", "risk_coverage"))
    scores = pd.read_csv(out / "scores.csv").query("split == 'test' and score == 'accuracy' and seed.isna()")
    accuracy = scores.set_index("method")["value"]
    for method in ("m", "both"):
        bins = reliability[(reliability["method"] == method) & (reliability["scaling"] == "none")]
        assert bins["bin"].tolist() == list(range(1, 16))
        assert bins["items"].sum() == pytest.approx(120)
        assert bins["confidence"].is_monotonic_decreasing
        assert bins["accuracy"].mean() == pytest.approx(accuracy[method], abs=1e-5)
        curve = risk[risk["method"] == method]
        assert curve["coverage"].tolist() == pytest.approx(np.arange(1, 51) / 50)
        assert curve["risk"].iloc[-1] == pytest.approx(1 - accuracy[method], abs=1e-5)
    area = pd.read_csv(out / "calibration.csv").query("measure == 'aurc' and scaling == 'none' and seed.isna()")
    assert area.set_index("method")["value"]["m"] == pytest.approx(risk[risk["method"] == "m"]["risk"].mean(), abs=1e-5)


def test_words_of_entities_count_as_items(tagged):
    found = tagged.read("calibration").query("scaling == 'none'").set_index(["seed", "measure"])["value"]
    # seed 0: eight words at 0.8, six right; seed 1: eight at 0.9, all right
    assert found[0, "ece"] == pytest.approx(abs(0.8 - 6 / 8))
    assert found[1, "ece"] == pytest.approx(0.1)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.9**2 + 0.8**2 + 0.1**2
    assert found[0, "brier"] == pytest.approx((6 * right + 2 * wrong) / 8, rel=1e-5)
    assert found[0, "log_loss"] == pytest.approx(-(6 * np.log(0.8) + 2 * np.log(0.1)) / 8, rel=1e-5)
    assert found[0, "aurc"] == pytest.approx(2 / 8)


def test_what_has_no_classes_or_probabilities_says_so(small, classified):
    test = classified.gold["test"]
    classified.predict("bare/seed-0", prediction={split: gold["label"] for split, gold in classified.gold.items()})
    found = classified.read("calibration")
    bare = found[found["method"] == "bare"]
    assert bare["value"].isna().all()
    assert bare["note"].str.contains("no probabilities").all()
    assert len(test) == 120

    numbers = small("regression", ["value"])
    for split in ("validation", "test"):
        numbers.prepare(split, text=["…"] * 4, label=[0.0, 1.0, 2.0, 3.0])
    numbers.predict("m/seed-0", prediction={split: [0.0, 1.0, 2.0, 2.5] for split in numbers.gold})
    out = numbers.run()
    for name in ("calibration", "reliability", "risk_coverage"):
        table = pd.read_csv(out / f"{name}.csv")
        assert len(table)
        assert table["note"].str.contains("regression has no classes").all()


def test_classes_that_validation_alone_cannot_judge_leave_the_raw_measures(small):
    made = small("classification", ["a", "b"])
    made.prepare("validation", text=["…"] * 2, label=["a", "new"])
    made.prepare("test", text=["…"] * 4, label=["a", "b", "a", "b"])
    p = {"validation": [[0.9, 0.1]] * 2, "test": [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]]}
    made.predict(
        "m/seed-0", prediction={s: ["a" if x > y else "b" for x, y in v] for s, v in p.items()}, probabilities=p
    )
    found = made.read("calibration")
    assert found[found["scaling"] == "none"]["value"].notna().all()
    scaled = found[found["scaling"] == "temperature"]
    assert scaled["value"].isna().all()
    assert scaled["note"].str.contains("class new has no probability in validation").all()
