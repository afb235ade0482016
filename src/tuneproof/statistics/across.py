"""Which methods differ over several data sets: Friedman and Nemenyi, Wilcoxon, and a Bayesian signed-rank test.

Works on arrays of one score a data set and method (greater is better), and reads no file. Data sets are the units here:
what is told apart is told apart for data sets like these, and few of them tell little. Whatever cannot be computed
comes back as NaN with a `note` that says why.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.statistics import Test

if TYPE_CHECKING:
    import numpy as np

CHUNK = 1 << 22
"""Products of weights (samples × pairs of data sets) that are held at a time: 32 MiB."""
EXACT_UP_TO = 13
"""Up to as many data sets, Wilcoxon's test counts all 2ⁿ signs; beyond, its statistic is close to normal."""
FEWEST = 6
"""Wilcoxon's two-sided p cannot fall below 2 ÷ 2ⁿ: 0.0625 with five data sets."""


class Friedman(NamedTuple):
    """Friedman's test and Nemenyi's critical difference; NaN where `note` says why.

    `f` and `p_f` are the correction of Iman & Davenport (1980), which Demšar (2006) recommends. Where all data sets
    give the same order, `f` is infinite whatever their number: `p_f` is then exact, the chance of such agreement among
    all orders, (1 ÷ methods!)^(data sets − 1). Two methods differ by Nemenyi's test where their mean ranks lie
    `critical_difference` or more apart.
    """

    mean_ranks: np.ndarray
    chi2: float
    p: float
    f: float
    p_f: float
    critical_difference: float
    note: str = ""


class Posterior(NamedTuple):
    """Probabilities that a is better, that both are practically equal, that b is better; NaN where `note` says why."""

    a: float
    rope: float
    b: float
    note: str = ""


def friedman(values: np.ndarray, *, confidence: float = 0.95) -> Friedman:
    """Data sets × methods: do any of the methods differ? (Friedman 1937; Demšar 2006, JMLR 7:1, section 3.2)

    The best method of a data set has rank 1, ties share the mean of their ranks. The statistics are Demšar's, without a
    correction for ties, which would make p smaller.
    """
    import numpy as np
    from scipy.stats import chi2, f, rankdata, studentized_range

    values = np.asarray(values, dtype=np.float64)
    sets, methods = values.shape
    unknown = math.nan
    nothing = Friedman(np.full(methods, unknown), unknown, unknown, unknown, unknown, unknown)
    if methods < 2:
        return nothing._replace(note="ranks not defined: one method" if methods else "ranks not defined: no method")
    if np.isnan(values).any():
        return nothing._replace(note="ranks not defined: a score is not defined")
    if sets == 0:
        return nothing._replace(note="ranks not defined: no data set")
    ranks = rankdata(-values, axis=1).mean(axis=0)
    if sets < 2:
        return nothing._replace(mean_ranks=ranks, note="not tested: one data set")
    statistic = 12 * sets / (methods * (methods + 1)) * float(((ranks - (methods + 1) / 2) ** 2).sum())
    free = sets * (methods - 1) - statistic
    corrected = (sets - 1) * statistic / free if free > 1e-9 else math.inf  # the same order on every data set
    p_f = float(f.sf(corrected, methods - 1, (methods - 1) * (sets - 1)))
    critical = float(studentized_range.ppf(confidence, methods, np.inf)) / math.sqrt(2)
    return Friedman(
        mean_ranks=ranks,
        chi2=statistic,
        p=float(chi2.sf(statistic, methods - 1)),
        f=corrected,
        p_f=p_f if corrected < math.inf else math.factorial(methods) ** (1.0 - sets),
        critical_difference=critical * math.sqrt(methods * (methods + 1) / (6 * sets)),
    )


def nemenyi(ranks_apart: float, *, methods: int, sets: int) -> float:
    """p of Nemenyi's (1963) test for two mean ranks so far apart, among so many methods."""
    import numpy as np
    from scipy.stats import studentized_range

    apart = abs(ranks_apart) / math.sqrt(methods * (methods + 1) / (6 * sets))
    return float(studentized_range.sf(apart * math.sqrt(2), methods, np.inf))


def wilcoxon(differences: np.ndarray) -> Test:
    """Wilcoxon's (1945) signed-rank test on one difference a data set, two-sided.

    Ranks of zero differences are split between both sides, as in Demšar (2006, section 3.1.3).
    """
    import numpy as np
    from scipy import stats

    differences = np.asarray(differences, dtype=np.float64)
    sets = len(differences)
    if sets < 2 or np.isnan(differences).any():
        return Test(math.nan, _untested(differences))
    if not differences.any():
        return Test(1.0, "no difference on any data set")
    method = stats.PermutationMethod(n_resamples=2**EXACT_UP_TO) if sets <= EXACT_UP_TO else "asymptotic"
    p = float(stats.wilcoxon(differences, zero_method="zsplit", method=method).pvalue)
    few = f"{sets} data sets: Wilcoxon's p cannot fall below {2 / 2**sets:.3g}" if sets < FEWEST else ""
    return Test(min(p, 1.0), few)


def bayesian_signed_rank(
    differences: np.ndarray, *, rope: float = 0.01, count: int = 20_000, seed: int = 0
) -> Posterior:
    """Bayesian signed-rank test with a region of practical equivalence (Benavoli et al. 2017, JMLR 18:77, section 4.2).

    `differences` are a − b, one a data set; those between −`rope` and `rope` count as practically equal. The prior is a
    Dirichlet process of strength 0.5 at zero: data set weights are Dirichlet(0.5, 1, …, 1), and each weighted sample
    votes for the side with most of the pairwise (Walsh) means. `count` samples: standard error below 0.4 %.
    """
    import numpy as np

    differences = np.asarray(differences, dtype=np.float64)
    if len(differences) < 2 or np.isnan(differences).any():
        return Posterior(math.nan, math.nan, math.nan, _untested(differences))
    points = np.concatenate([[0.0], differences])
    sums = points[:, None] + points[None, :]
    apart = 1e-12 * max(1.0, float(np.abs(sums).max()))  # a sum on the border, up to rounding, is half inside
    above = np.where(np.abs(sums - 2 * rope) <= apart, 0.5, sums > 2 * rope)
    below = np.where(np.abs(sums + 2 * rope) <= apart, 0.5, sums < -2 * rope)
    prior = np.r_[0.5, np.ones(len(differences))]
    generator = np.random.default_rng(seed)
    votes = np.zeros(3)
    step = max(1, CHUNK // len(points) ** 2)
    for start in range(0, count, step):
        weights = generator.dirichlet(prior, size=min(step, count - start))
        a, b = (np.einsum("si,ij,sj->s", weights, side, weights, optimize=True) for side in (above, below))
        votes += np.bincount(np.stack([a, 1 - a - b, b]).argmax(axis=0), minlength=3)
    a_better, equal, b_better = (float(share) for share in votes / count)
    return Posterior(a_better, equal, b_better)


def _untested(differences: np.ndarray) -> str:
    if len(differences) >= 2:
        return "not tested: a score is not defined"
    return "not tested: one data set" if len(differences) else "not tested: no data set in common"
