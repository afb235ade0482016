"""Almost stochastic order (Dror et al. 2019, ACL P19-1266): do one method's scores over seeds lie above another's?

Made for few runs, and without an assumption on how scores are distributed. Works on arrays alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Order(NamedTuple):
    """`epsilon` in [0, 1]; NaN where `note` says why.

    The upper confidence bound of how much of the distance between the two distributions speaks against "a is better
    than b": below 0.5, a is almost stochastically dominant; the closer to 0, the surer.
    """

    epsilon: float
    note: str = ""


def almost_stochastic_order(
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    *,
    confidence: float = 0.95,
    count: int = 1000,
    seed: int = 0,
) -> Order:
    """ε_min of "a is better than b" from one score a seed (greater is better); the seeds need not be the same.

    ε_min = ε̂ − √((n + m) ÷ nm) · σ̂ · Φ⁻¹(1 − confidence), with σ̂ from `count` bootstrap samples of both sides (del
    Barrio et al. 2018, arXiv 1705.01788). Clipped to [0, 1].
    """
    import numpy as np
    from scipy.special import ndtri

    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    n, m = len(a), len(b)
    if min(n, m) < 2:
        return Order(math.nan, "stochastic order not defined: one seed")
    if np.isnan(a).any() or np.isnan(b).any():
        return Order(math.nan, "stochastic order not defined: the score is not defined in every run")
    if a.min() == a.max() == b.min() == b.max():
        return Order(math.nan, "stochastic order not defined: the same score in every run")
    generator = np.random.default_rng(seed)
    again = violation(a[generator.integers(n, size=(count, n))], b[generator.integers(m, size=(count, m))])
    sigma = math.sqrt(n * m / (n + m)) * float(again.std())
    bound = float(violation(a, b)) - math.sqrt((n + m) / (n * m)) * sigma * float(ndtri(1 - confidence))
    return Order(min(max(bound, 0.0), 1.0))


def violation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ε_W2: the share of the squared distance between the quantile functions in which b lies above a.

    Samples lie along the last axis. The quantile functions are steps, so that the integrals are sums over the parts of
    [0, 1] on which both are constant. 0.5 where the samples are the same.
    """
    import numpy as np

    a, b = np.sort(a, axis=-1), np.sort(b, axis=-1)
    n, m = a.shape[-1], b.shape[-1]
    # ends of the steps in units of 1 ÷ nm, so that equal ends are equal numbers
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    lengths = np.diff(ends, prepend=0) / (n * m)
    apart = a[..., -(-ends // m) - 1] - b[..., -(-ends // n) - 1]
    whole = (lengths * apart**2).sum(axis=-1)
    against = (lengths * np.minimum(apart, 0) ** 2).sum(axis=-1)
    return np.where(whole > 0, against / np.where(whole > 0, whole, 1), 0.5)
