"""Almost stochastic order against numeric integration and another implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from tuneproof.statistics.order import almost_stochastic_order, violation

A = [0.80, 0.83, 0.81, 0.86, 0.82]
B = [0.79, 0.82, 0.84, 0.80, 0.78]


def by_integration(a, b, points=60_000):
    """The definition: quantile functions on a fine grid of (0, 1)."""
    t = (np.arange(points) + 0.5) / points
    apart = np.quantile(a, t, method="inverted_cdf") - np.quantile(b, t, method="inverted_cdf")
    return (apart[apart < 0] ** 2).sum() / (apart**2).sum()


@pytest.mark.parametrize("sizes", [(3, 3), (5, 3), (2, 7), (10, 4)])
def test_violation_is_the_integral_over_the_quantile_functions(sizes):
    generator = np.random.default_rng(sum(sizes))
    a, b = generator.normal(0.1, 1, sizes[0]), generator.normal(0, 1, sizes[1])
    assert violation(a, b) == pytest.approx(by_integration(a, b), abs=1e-4)
    assert violation(a, b) + violation(b, a) == pytest.approx(1)


def test_bound_equals_a_bootstrap_written_as_a_loop():
    a, b = np.array([0.70, 0.72, 0.71, 0.735]), np.array([0.69, 0.73, 0.695])
    generator, n, m = np.random.default_rng(5), 4, 3
    again = [
        violation(generator.choice(a, n), generator.choice(b, m)) - violation(a, b) for _ in range(4000)
    ]  # fmt: skip
    scale = math.sqrt(n * m / (n + m))
    sigma = np.std(scale * np.array(again))
    expected = by_integration(a, b) + sigma * norm.ppf(0.95) / scale
    assert almost_stochastic_order(a, b, count=4000).epsilon == pytest.approx(min(expected, 1), abs=0.03)


def test_bound_equals_that_of_deepsig():
    # deepsig 1.2.8, aso(A, B, confidence_level=0.95, dt=0.005, num_bootstrap_iterations=300): 0.399 and 0.402
    assert almost_stochastic_order(A, B, count=5000).epsilon == pytest.approx(0.40, abs=0.03)
    assert almost_stochastic_order(B, A, count=5000).epsilon == 1.0


def test_what_lies_above_everywhere_dominates():
    assert almost_stochastic_order([0.9, 0.91, 0.92], [0.7, 0.71, 0.73]).epsilon == 0.0
    assert almost_stochastic_order([0.7, 0.71, 0.73], [0.9, 0.91, 0.92]).epsilon == 1.0


def test_equal_arguments_give_equal_results():
    assert almost_stochastic_order(A, B) == almost_stochastic_order(A, B)


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [
        ([0.8], [0.7, 0.8], "one seed"),
        ([0.8, math.nan], [0.7, 0.8], "the score is not defined in every run"),
        ([0.8, 0.8], [0.8, 0.8], "the same score in every run"),
    ],
)
def test_what_has_no_order_says_why(a, b, note):
    got = almost_stochastic_order(a, b)
    assert math.isnan(got.epsilon)
    assert got.note == f"stochastic order not defined: {note}"
