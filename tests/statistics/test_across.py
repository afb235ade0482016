"""Tests over data sets against Demšar's published example, scipy and exact probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tuneproof.statistics import across

# Demšar (2006, JMLR 7:1), table 6: AUC of C4.5 on 14 data sets, pruned in four ways (none, m, cf, m and cf)
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.9749],  # printed as 0.975 and ranked 2 and 3: the ranks are of what was rounded
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_friedman_and_nemenyi_on_the_published_table():
    got = across.friedman(DEMSAR)
    assert got.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert got.chi2 == pytest.approx(9.28, abs=0.005)
    assert got.f == pytest.approx(3.69, abs=0.005)
    assert got.critical_difference == pytest.approx(1.25, abs=0.005)  # q = 2.569 at 0.05
    assert across.friedman(DEMSAR, confidence=0.9).critical_difference == pytest.approx(1.12, abs=0.005)  # q = 2.291
    assert got.p_f < 0.05  # the critical value of F(3, 39) is 2.85


def test_friedman_equals_scipys_without_ties():
    values = np.random.default_rng(0).normal(size=(9, 5))
    theirs = stats.friedmanchisquare(*values.T)
    got = across.friedman(values)
    assert (got.chi2, got.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_nemenyis_p_is_the_level_at_which_the_ranks_lie_the_critical_difference_apart():
    for level in (0.05, 0.1, 0.3):
        apart = across.friedman(DEMSAR, confidence=1 - level).critical_difference
        assert across.nemenyi(apart, methods=4, sets=14) == pytest.approx(level, abs=1e-6)


def test_the_same_order_everywhere_is_as_far_from_chance_as_can_be():
    """p is exact there: of the 6⁵ tables of orders, 6 agree throughout."""
    got = across.friedman(np.tile([[0.9, 0.8, 0.7]], (5, 1)))
    assert (got.f, got.p_f) == (math.inf, pytest.approx(6 / 6**5))
    assert across.friedman(np.tile([[0.9, 0.8]], (2, 1))).p_f == 0.5  # two data sets that agree prove little


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (np.ones((3, 1)), "ranks not defined: one method"),
        (np.ones((0, 3)), "ranks not defined: no data set"),
        (np.array([[0.1, np.nan], [0.2, 0.3]]), "ranks not defined: a score is not defined"),
        (np.array([[0.1, 0.2]]), "not tested: one data set"),
    ],
)
def test_friedman_says_what_it_cannot_do(values, note):
    got = across.friedman(values)
    assert math.isnan(got.chi2)
    assert got.note == note


def test_wilcoxon_on_the_published_pair():
    # C4.5 against C4.5+m, section 3.1.3: the smaller sum of ranks is 12, and 21 is critical at 0.05 for 14 data sets
    differences = DEMSAR[:, 1] - DEMSAR[:, 0]
    assert stats.wilcoxon(differences.round(3), zero_method="zsplit").statistic == 12
    assert 0.001 < across.wilcoxon(differences.round(3)).p < 0.05


def test_wilcoxon_of_few_data_sets_is_exact():
    differences = np.array([0.03, 0.01, -0.02, 0.05, 0.04, 0.06, 0.07, 0.08])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1).T
    sums = signs @ stats.rankdata(np.abs(differences))
    expected = (np.abs(sums) >= abs(np.sign(differences) @ stats.rankdata(np.abs(differences)))).mean()
    assert across.wilcoxon(differences).p == pytest.approx(expected)
    five = across.wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert five.p == pytest.approx(0.0625)
    assert five.note == "5 data sets: Wilcoxon's p cannot fall below 0.0625"


def test_wilcoxon_says_what_it_cannot_do():
    assert across.wilcoxon(np.array([0.1])).note == "not tested: one data set"
    assert across.wilcoxon(np.array([])).note == "not tested: no data set in common"
    assert across.wilcoxon(np.array([0.1, np.nan])).note == "not tested: a score is not defined"
    assert across.wilcoxon(np.zeros(4)) == (1.0, "no difference on any data set")


def weighted_votes(differences, rope, count, seed):
    """The definition, as a loop over samples and pairs."""
    generator, votes = np.random.default_rng(seed), np.zeros(3)
    points = [0.0, *differences]
    for _ in range(count):
        weights = generator.dirichlet([0.5, *np.ones(len(differences))])
        theta = np.zeros(3)
        for i, x in enumerate(points):
            for j, y in enumerate(points):
                side = 0 if (x + y) / 2 > rope else 2 if (x + y) / 2 < -rope else 1
                theta[side] += weights[i] * weights[j]
        votes[theta.argmax()] += 1
    return votes / count


@pytest.mark.parametrize("rope", [0.003, 0.0103, 0.0207])
def test_bayesian_signed_rank_equals_its_definition(rope):
    differences = np.random.default_rng(3).normal(0.008, 0.02, 9)
    got = across.bayesian_signed_rank(differences, rope=rope)
    assert got[:3] == pytest.approx(weighted_votes(differences, rope, 4000, 1), abs=0.03)
    assert sum(got[:3]) == pytest.approx(1)


def test_bayesian_signed_rank_equals_exact_probabilities():
    """With two equal differences the weight of the prior w ~ Beta(0.5, 2) decides: a wins where θ = 1 − w² > ½."""
    far = across.bayesian_signed_rank(np.array([0.5, 0.5]), rope=0.01, count=100_000)
    assert far.a == pytest.approx(stats.beta(0.5, 2).cdf(math.sqrt(0.5)), abs=0.005)
    assert far.b == 0
    # between one and two times the rope, only means of two real differences lie outside: θ = (1 − w)² > ½
    near = across.bayesian_signed_rank(np.array([0.015, 0.015]), rope=0.01, count=100_000)
    assert near.a == pytest.approx(stats.beta(0.5, 2).cdf(1 - math.sqrt(0.5)), abs=0.005)
    assert near.rope == pytest.approx(1 - near.a)


def test_bayesian_signed_rank_turns_with_the_sign_and_is_repeatable():
    differences = np.random.default_rng(0).normal(0.01, 0.02, 6)
    forth, back = (across.bayesian_signed_rank(sign * differences) for sign in (1, -1))
    assert (forth.a, forth.b) == pytest.approx((back.b, back.a), abs=0.01)
    assert across.bayesian_signed_rank(differences) == forth
    assert across.bayesian_signed_rank(np.array([0.1])).note == "not tested: one data set"
