"""Tests that swap two methods' answers: approximate randomisation for any score, McNemar's test for accuracy.

Both ask what would be found if it were only by chance which of the two methods gave which answer. The rows are the
units, and the runs are taken as they are. Works on arrays alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuneproof.statistics import CHUNK, Test

if TYPE_CHECKING:
    import numpy as np

    from tuneproof.tasks.base import Score


def approximate_randomisation(
    score: Score,
    a: Sequence[np.ndarray],
    b: Sequence[np.ndarray],
    *,
    rounds: int = 10_000,
    seed: int = 0,
    swapped: tuple[Sequence[np.ndarray], Sequence[np.ndarray]] | None = None,
) -> Test:
    """Would the difference be as large if the methods' answers were swapped at random? (Noreen 1989; Yeh 2000)

    `a` and `b` hold one array of rows × statistics a run, with the same columns. A row is swapped in all runs at once:
    the rows are the units, and the runs are taken as they are. p = (rounds at least as extreme + 1) / (rounds + 1).
    `swapped`: `swapped_sums` of the runs of both sides, with these rounds and seed, where they are at hand.
    """
    import numpy as np

    if len(a) != len(b) or any(x.shape != y.shape for x, y in zip(a, b, strict=True)):
        raise ValueError("both methods need the same number of runs, and the same rows and statistics in each")
    if swapped is None:
        swapped = swapped_sums(a, rounds, seed=seed), swapped_sums(b, rounds, seed=seed)
    observed, differences = 0.0, np.zeros(rounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        for x, y, of_x, of_y in zip(a, b, *swapped, strict=True):
            moved = of_y - of_x
            mine, others = x.sum(axis=0), y.sum(axis=0)
            observed += float(score.combine(mine) - score.combine(others)) / len(a)
            differences += score.combine(mine + moved) - score.combine(others - moved)
    if math.isnan(observed):
        return Test(math.nan, "not tested: the score is not defined")
    # equal up to rounding is as extreme
    extreme = int((np.abs(differences / len(a)) >= abs(observed) - 1e-12).sum())
    return Test((extreme + 1) / (rounds + 1), "no difference on any row" if _equal(a, b) else "")


def swapped_sums(runs: Sequence[np.ndarray], rounds: int, *, seed: int) -> list[np.ndarray]:
    """Sums over the rows that each round of `approximate_randomisation` swaps (a run: rounds × statistics).

    Equal rounds, rows and seed swap the same rows, so that one run's sums serve all pairs that it is in.
    """
    import numpy as np

    rows = runs[0].shape[0]
    generator = np.random.default_rng(seed)
    sums = [np.empty((rounds, statistics.shape[1])) for statistics in runs]
    step = max(1, CHUNK // max(1, rows))
    for start in range(0, rounds, step):
        swapped = generator.integers(2, size=(min(step, rounds - start), rows)).astype(np.float64)
        for into, statistics in zip(sums, runs, strict=True):
            into[start : start + step] = swapped @ statistics
    return sums


def _equal(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    return all((x == y).all() for x, y in zip(a, b, strict=True))


def mcnemar(a_right: np.ndarray, b_right: np.ndarray) -> Test:
    """McNemar's test (1947): is one method right more often? Boolean arrays of rows, or of rows × runs.

    Given the rows on which the two differ, each is as likely to speak for one as for the other. Exact, with the mid-p
    value: half of what is as extreme counts, as the exact p is too large throughout (Fagerland et al. 2013, BMC Medical
    Research Methodology 13:91). With several runs the answers of a row are no independent pairs, so that they are
    swapped together: a row speaks with the runs in which a alone is right minus those in which b alone is, as in the
    clustered test of Durkalski et al. (2003, Statistics in Medicine 22:2417), here with its exact distribution.
    """
    import numpy as np

    a_right, b_right = (np.asarray(right, dtype=np.int64).reshape(len(right), -1) for right in (a_right, b_right))
    net = (a_right - b_right).sum(axis=1)
    if not net.any():
        return Test(1.0, "no difference on any row" if (a_right == b_right).all() else "")
    sums, chances = _signs(np.abs(net))
    extreme = np.abs(sums) - abs(int(net.sum()))
    return Test(min(1.0, float(chances[extreme > 0].sum() + chances[extreme == 0].sum() / 2)))


def _signs(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All sums of these whole numbers with signs drawn at random, rising, and the chance of each.

    Those of one size have a binomial number of plus signs; the sums of different sizes are convolved.
    """
    import numpy as np
    from scipy.signal import convolve
    from scipy.special import gammaln

    chances = np.ones(1)
    for size in np.unique(sizes[sizes > 0]):
        count = int((sizes == size).sum())
        plus = np.arange(count + 1)
        binomial = np.exp(gammaln(count + 1) - gammaln(plus + 1) - gammaln(count - plus + 1) - count * math.log(2))
        spread = np.zeros(2 * int(size) * count + 1)
        spread[:: 2 * int(size)] = binomial
        chances = np.maximum(convolve(chances, spread), 0)
    most = (len(chances) - 1) // 2
    return np.arange(-most, most + 1), chances
