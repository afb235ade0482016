"""Calibration on arrays, against bins made by hand, simulation, and a temperature that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from tuneproof.statistics import calibration


def gaps(confidence, right, bins):
    inside = calibration.shares(confidence, bins)
    return np.concatenate([inside * (confidence - right)[:, None], np.ones((len(right), 1))], axis=1)


def test_bins_of_distinct_confidences_are_those_of_sorted_rows():
    generator = np.random.default_rng(0)
    confidence = generator.permutation(np.linspace(0.5, 1, 60))
    right = (generator.random(60) < confidence).astype(float)
    by_hand = [
        abs((confidence[rows] - right[rows]).mean()) * len(rows) / 60 for rows in np.split(np.argsort(-confidence), 15)
    ]
    got = calibration.expected_error(gaps(confidence, right, 15).sum(axis=0))
    assert got == pytest.approx(sum(by_hand))


@pytest.mark.parametrize("items", [1, 7, 100])
def test_every_bin_has_the_same_mass_whatever_the_ties(items):
    confidence = np.random.default_rng(items).choice([0.5, 0.7, 0.9], items)
    inside = calibration.shares(confidence, 15)
    assert inside.sum(axis=1) == pytest.approx(np.ones(items))
    assert inside.sum(axis=0) == pytest.approx(np.full(15, items / 15))
    turned = calibration.shares(confidence[::-1], 15)[::-1]
    assert (turned == inside).all()


def test_one_confidence_for_all_is_off_by_its_distance_from_the_accuracy():
    right = np.array([1.0, 0, 1, 1, 0, 1, 1, 1])
    got = calibration.expected_error(gaps(np.full(8, 0.6), right, 15).sum(axis=0))
    assert got == pytest.approx(abs(0.6 - right.mean()))


def test_chance_alone_makes_the_error_that_a_simulation_finds():
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.5, 1, 400)
    inside = calibration.shares(confidence, 15)
    spread = confidence * (1 - confidence)
    statistics = np.concatenate([inside**2 * spread[:, None], np.ones((400, 1))], axis=1)
    drawn = [
        calibration.expected_error(gaps(confidence, (generator.random(400) < confidence) * 1.0, 15).sum(axis=0))
        for _ in range(2000)
    ]
    assert calibration.error_by_chance(statistics.sum(axis=0)) == pytest.approx(np.mean(drawn), rel=0.02)


def test_temperature_is_the_one_that_blew_the_logits_up():
    generator = np.random.default_rng(2)
    logits = generator.normal(size=(20_000, 4))
    truth = np.array([generator.choice(4, p=p) for p in softmax(logits, axis=1)])
    for by in (0.4, 1.0, 3.0):
        assert calibration.temperature(softmax(logits * by, axis=1), truth) == pytest.approx(by, rel=0.05)
    blown = softmax(logits * 3, axis=1)
    seen = blown.min(axis=1) > np.finfo(np.float32).eps  # what is below counts as this much
    assert seen.mean() > 0.9
    assert calibration.scaled(blown, 3.0)[seen] == pytest.approx(softmax(logits, axis=1)[seen], abs=1e-12)
    assert (calibration.scaled(blown, 7.0).argmax(axis=1) == blown.argmax(axis=1)).all()


def test_temperature_has_the_least_loss_of_a_grid():
    generator = np.random.default_rng(3)
    given, truth = softmax(2 * generator.normal(size=(80, 2)), axis=1), generator.integers(2, size=80)
    given[np.arange(80), truth] += 0.1
    given /= given.sum(axis=1, keepdims=True)

    def loss(by):
        return -np.log(calibration.scaled(given, by)[np.arange(80), truth]).mean()

    grid = np.geomspace(calibration.LEAST, calibration.MOST, 2000)
    found = calibration.temperature(given, truth)
    assert loss(found) <= min(map(loss, grid)) + 1e-12


def test_answers_that_are_all_right_want_the_lowest_temperature():
    assert calibration.temperature(np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1])) == pytest.approx(
        calibration.LEAST, rel=1e-3
    )


def test_area_is_the_mean_risk_of_the_most_confident():
    generator = np.random.default_rng(4)
    confidence, wrong = generator.random(100), generator.random(100) < 0.3
    inside = calibration.shares(confidence, 100)
    sums = np.concatenate([inside * wrong[:, None], inside], axis=1).sum(axis=0)
    ordered = wrong[np.argsort(-confidence)]
    by_hand = [ordered[: k + 1].mean() for k in range(100)]
    assert calibration.risks(sums) == pytest.approx(by_hand)
    assert calibration.area(sums) == pytest.approx(np.mean(by_hand))
    assert calibration.risks(sums)[-1] == pytest.approx(wrong.mean())


def test_a_coverage_that_no_item_of_a_resample_reaches_has_no_risk():
    sums = np.array([0.0, 1, 0, 0, 2, 2])
    assert np.isnan(calibration.risks(sums)[0])
    assert calibration.risks(sums)[1:] == pytest.approx([1 / 2, 1 / 4])
    assert calibration.area(sums) == pytest.approx((1 / 2 + 1 / 4) / 2)
