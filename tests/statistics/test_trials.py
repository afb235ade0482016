"""Search diagnostics against brute force over all draws and subsets."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from tuneproof.statistics import trials

VALUES = [0.71, 0.65, 0.80, 0.65, 0.77]


def test_expected_best_is_the_mean_over_all_draws_and_all_subsets():
    got = trials.expected_best([*VALUES, math.nan])
    assert [entry.trials for entry in got] == [1, 2, 3, 4, 5]
    for entry in got:
        draws = [max(draw) for draw in product(VALUES, repeat=entry.trials)]
        subsets = [max(subset) for subset in combinations(VALUES, entry.trials)]
        assert entry.with_replacement == pytest.approx(np.mean(draws))
        assert entry.without == pytest.approx(np.mean(subsets))
    assert trials.expected_best([]) == []


def test_a_ranking_that_half_the_budget_turns_round():
    test, tau = trials.ranking_holds([0.8, 0.7, 0.6, 0.5], [0.9, 0.8, 0.75, 0.7])
    assert (tau, test.note) == (1.0, "")
    assert test.p == pytest.approx(2 / math.factorial(4))
    assert trials.ranking_holds([0.5, 0.6, 0.7], [0.9, 0.8, 0.7])[1] == -1
    # five of six pairs alike, one turned: (5 − 1) ÷ 6
    assert trials.ranking_holds([0.5, 0.6, 0.8, 0.7], [0.6, 0.7, 0.8, 0.9])[1] == pytest.approx(4 / 6)


def test_a_ranking_that_cannot_be_says_why():
    assert trials.ranking_holds([0.5], [0.6])[0].note == "ranking not defined: one method"
    assert (
        trials.ranking_holds([0.5, 0.5], [0.6, 0.6])[0].note == "ranking not defined: all methods have the same score"
    )
    test, tau = trials.ranking_holds([0.5, math.nan, 0.7], [0.6, 0.6, 0.8])
    assert tau == 1
    assert test.note == "1 of 3 methods have no complete trial in half the budget"


def test_the_setting_that_matters_is_found():
    generator = np.random.default_rng(0)
    rates, warmups = np.exp(generator.uniform(math.log(1e-5), math.log(1e-2), 60)), generator.uniform(0, 0.2, 60)
    ranges = {"learning_rate": (1e-5, 1e-2), "warmup_ratio": (0.0, 0.2)}
    frame = pd.DataFrame({"learning_rate": rates, "warmup_ratio": warmups, "value": -np.abs(np.log10(rates) + 3.5)})
    found, note = trials.importances(frame, ranges)
    assert note == ""
    assert sum(found.values()) == pytest.approx(1)
    assert found["learning_rate"] > 0.9
    assert trials.importances(frame, ranges)[0] == found
    other, _ = trials.importances(frame.assign(value=5 * frame["warmup_ratio"]), ranges)
    assert other["warmup_ratio"] > 0.9


def test_importances_of_few_trials_are_not_defined():
    frame = pd.DataFrame({"learning_rate": [1e-4] * 12, "warmup_ratio": [0.1] * 12, "value": [0.5] * 12})
    ranges = {"learning_rate": (1e-5, 1e-2), "warmup_ratio": (0.0, 0.2)}
    few = trials.importances(frame.iloc[:4], ranges)
    assert few == ({}, "importances not defined: 4 complete trials, fewer than 10")
    assert trials.importances(frame, ranges)[1] == "importances not defined: the same score in every trial"
    fixed = {**ranges, "warmup_ratio": (0.1, 0.1)}
    assert trials.importances(frame, fixed)[1] == "importances not defined: one setting was searched"
