"""Tests that swap the methods' answers, against scipy, statsmodels, every sign by hand, and a published table."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from tuneproof.statistics import swaps
from tuneproof.tasks.base import Score


def no_frames(gold, predicted):
    raise AssertionError("these tests build their statistics themselves")


MEAN = Score(no_frames, lambda sums: sums[..., 0] / sums[..., 1])
F1 = Score(no_frames, lambda sums: 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2]))


def column(values) -> np.ndarray:
    """Statistics of a mean: the value and a one."""
    values = np.asarray(values, dtype=float)
    return np.stack([values, np.ones_like(values)], axis=1)


def entity_counts(rows: int, seed: int) -> np.ndarray:
    """Sentences with found, predicted and true entities; some have none."""
    generator = np.random.default_rng(seed)
    true = generator.poisson(1.2, rows)
    hit = generator.binomial(true, 0.7)
    return np.stack([hit, hit + generator.poisson(0.3, rows), true], axis=1).astype(float)


def test_approximate_randomisation_agrees_with_scipys_permutation_test():
    a, b = entity_counts(60, 1), entity_counts(60, 9)

    def statistic(*columns, axis=-1):
        (h, p, t), (h2, p2, t2) = columns[:3], columns[3:]
        return 2 * h.sum(axis) / (p + t).sum(axis) - 2 * h2.sum(axis) / (p2 + t2).sum(axis)

    generator = np.random.default_rng(0)
    observed, extreme, rounds = statistic(*a.T, *b.T), 0, 4000
    for _ in range(rounds):  # scipy permutes single columns; rows of several need this loop
        swap = generator.random(60) < 0.5
        x, y = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
        extreme += abs(statistic(*x.T, *y.T)) >= abs(observed) - 1e-12
    got = swaps.approximate_randomisation(F1, [a], [b], rounds=4000)
    assert got.p == pytest.approx((extreme + 1) / (rounds + 1), abs=0.03)

    x, y = np.random.default_rng(1).normal([[0.35], [0.0]], 1, (2, 40))
    theirs = stats.permutation_test(
        (x, y), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", n_resamples=4000, rng=0
    )
    ours = swaps.approximate_randomisation(MEAN, [column(x)], [column(y)], rounds=4000)
    assert ours.p == pytest.approx(theirs.pvalue, abs=0.02)


def test_randomisation_says_what_it_cannot_do():
    same = column(np.ones(5))
    assert swaps.approximate_randomisation(MEAN, [same], [same]) == (1.0, "no difference on any row")
    bad = swaps.approximate_randomisation(MEAN, [column([1, np.nan])], [column([0, 0])])
    assert math.isnan(bad.p)
    assert bad.note == "not tested: the score is not defined"
    with pytest.raises(ValueError, match="same rows and statistics"):
        swaps.approximate_randomisation(MEAN, [same], [column(np.ones(6))])


def test_sums_made_once_serve_every_pair():
    runs = [entity_counts(50, seed) for seed in range(4)]
    made = swaps.swapped_sums(runs, 500, seed=3)
    for a, b in ((0, 1), (2, 0), (3, 1)):
        alone = swaps.approximate_randomisation(F1, [runs[a]], [runs[b]], rounds=500, seed=3)
        sums = ([made[a]], [made[b]])
        assert swaps.approximate_randomisation(F1, [runs[a]], [runs[b]], rounds=500, seed=3, swapped=sums) == alone


def test_sums_come_in_chunks_that_cover_all_rounds(monkeypatch):
    whole = swaps.swapped_sums([np.ones((7, 1))], 50, seed=0)[0]
    monkeypatch.setattr(swaps, "CHUNK", 40)
    parts = swaps.swapped_sums([np.ones((7, 1))], 50, seed=0)[0]
    assert parts.shape == whole.shape == (50, 1)
    assert ((parts >= 0) & (parts <= 7)).all()
    assert parts.std() > 0.5


def right(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.repeat([True, True, False, False], [both, first, second, neither]),
        np.repeat([True, False, True, False], [both, first, second, neither]),
    )


def test_mcnemar_on_a_published_table():
    # Agresti's approval ratings of a prime minister, asked twice: 794 / 150 / 86 / 570; z² = 64²/236 = 17.36
    got = swaps.mcnemar(*right(794, 150, 86, 570)).p
    assert got == pytest.approx(stats.chi2.sf(64**2 / 236, 1), rel=0.1)
    exact = mcnemar([[794, 150], [86, 570]], exact=True).pvalue
    assert got == pytest.approx(exact - stats.binom.pmf(86, 236, 0.5), rel=1e-6)
    # Fagerland et al. (2013), table 1 (airway hyper-responsiveness, Bentur et al. 2009): exact 0.0703, mid-p 0.0391
    assert swaps.mcnemar(*right(1, 1, 7, 12)).p == pytest.approx(0.0391, abs=5e-5)
    assert swaps.mcnemar(*right(50, 0, 0, 20)) == (1.0, "no difference on any row")


def test_mcnemar_over_seeds_is_that_of_every_sign_by_hand():
    generator = np.random.default_rng(5)
    a, b = generator.random((11, 3)) < 0.7, generator.random((11, 3)) < 0.45
    net = a.astype(int).sum(axis=1) - b.astype(int).sum(axis=1)
    sums = [abs(int(np.dot(signs, net))) for signs in product((-1, 1), repeat=len(net))]
    seen = abs(int(net.sum()))
    assert seen > 0
    by_hand = np.mean([(total > seen) + (total == seen) / 2 for total in sums])
    assert swaps.mcnemar(a, b).p == pytest.approx(by_hand, abs=1e-12)
    assert swaps.mcnemar(b, a).p == swaps.mcnemar(a, b).p


def test_seeds_that_answer_alike_are_no_more_rows():
    a, b = right(40, 9, 2, 10)
    once, thrice = swaps.mcnemar(a, b).p, swaps.mcnemar(np.stack([a] * 3, axis=1), np.stack([b] * 3, axis=1)).p
    assert thrice == pytest.approx(once, rel=1e-9)


def test_mcnemar_on_many_rows_agrees_with_the_clustered_test():
    # Durkalski et al. (2003): the squared sum of the rows' net differences over the sum of their squares is chi-squared
    generator = np.random.default_rng(2)
    hard = generator.normal(size=(8000, 1))
    a, b = (hard + generator.normal(size=(8000, 3)) > bar for bar in (0.0, 0.02))
    net = a.astype(int).sum(axis=1) - b.astype(int).sum(axis=1)
    expected = stats.chi2.sf(net.sum() ** 2 / (net**2).sum(), 1)
    assert 0.01 < expected < 0.9
    assert swaps.mcnemar(a, b).p == pytest.approx(expected, rel=0.02)


def test_seeds_that_differ_and_cancel_out_are_no_evidence():
    a = np.array([[True, False], [True, True]])
    got = swaps.mcnemar(a, ~a & np.array([[True, True], [False, False]]) | np.array([[False, False], [True, True]]))
    assert got == (1.0, "")


@pytest.mark.slow
@pytest.mark.parametrize("rows", [60, 300])
@pytest.mark.parametrize("runs", [1, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_mcnemar_calls_equal_methods_different_in_at_most_six_percent(rows, runs, spread):
    """Rows of different difficulty (standard deviation `spread` of the logit); both methods know them equally well."""
    generator = np.random.default_rng(rows + runs)
    found = []
    for _ in range(4000):
        right = 1 / (1 + np.exp(-1.0 - generator.normal(0, spread, (rows, 1))))
        a, b = (generator.random((rows, runs)) < right for _ in range(2))
        found.append(swaps.mcnemar(a, b).p < 0.05)
    print(f"{rows} rows, {runs} runs, spread {spread}: {np.mean(found):.1%} called different")
    assert 0.02 <= np.mean(found) <= 0.06
