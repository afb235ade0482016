"""Do confidences say how often a model is right? Bins of equal mass, temperature scaling, and risk by coverage.

Works on arrays alone. An item is what is answered by one class: a row of classification, a word of named entity
recognition. Everything here is a sum over items, so that a bootstrap resample is one matrix product.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST, MOST = 0.05, 20.0
"""Temperatures that are tried."""


def shares(confidence: np.ndarray, bins: int) -> np.ndarray:
    """How much of each item lies in each of `bins` bins of equal mass (items × bins), the highest confidence first.

    Every line sums to 1 and every column to items ÷ bins. Items of the same confidence are spread alike over the bins
    that they reach, so that their order does not matter: the equal mass of Nguyen & O'Connor (2015, EMNLP D15-1182),
    with ties as if drawn at random, in the mean.
    """
    import numpy as np

    items = len(confidence)
    if not items:
        return np.zeros((0, bins))
    _, level, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)[:, None]
    starts = ends - counts[:, None]
    edges = np.arange(bins + 1) * (items / bins)
    inside = np.clip(np.minimum(ends, edges[1:]) - np.maximum(starts, edges[:-1]), 0, None)
    return np.asarray((inside / counts[:, None])[level])


def expected_error(sums: np.ndarray) -> np.ndarray:
    """ECE from (…, bins + 1) sums: confidence minus right answers in each bin, then the number of items."""
    import numpy as np

    return np.abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1]


def error_by_chance(sums: np.ndarray) -> np.ndarray:
    """ECE that a perfectly calibrated model would show on so many items, in the mean.

    From (…, bins + 1) sums: squared share × p(1 − p) in each bin, then the number of items. What a bin is off by is
    about normal, so that its mean size is √(2 ÷ π) of its standard deviation.
    """
    import numpy as np

    return np.sqrt(2 / math.pi * sums[..., :-1]).sum(axis=-1) / sums[..., -1]


def risks(sums: np.ndarray) -> np.ndarray:
    """Risk at each coverage from (…, 2 · bins) sums: wrong answers in each bin, then items: (…, bins).

    The risk at coverage k ÷ bins is the share of wrong answers among the k first bins, which hold the most confident
    answers (El-Yaniv & Wiener 2010, JMLR 11:1605). NaN where no item lies there (in a resample).
    """
    import numpy as np

    bins = sums.shape[-1] // 2
    wrong, items = (np.cumsum(side, axis=-1) for side in (sums[..., :bins], sums[..., bins:]))
    return np.where(items > 0, wrong / np.where(items > 0, items, 1), np.nan)


def area(sums: np.ndarray) -> np.ndarray:
    """AURC (Geifman et al. 2019, arXiv 1805.08206) from the same sums: the mean risk, weighted by the bins' items."""
    import numpy as np

    items = sums[..., sums.shape[-1] // 2 :]
    return np.nansum(risks(sums) * items, axis=-1) / items.sum(axis=-1)


def temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature that makes the log loss least (Guo et al. 2017, arXiv 1706.04599), from 0.05 to 20.

    `probabilities` is items × classes, `truth` the class of each item. The log loss is convex in 1 ÷ T, so that a
    search in one dimension finds the one least value.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    logits = logarithms(probabilities)
    own = logits[np.arange(len(truth)), truth]

    def loss(log_temperature: float) -> float:
        inverse = math.exp(-log_temperature)
        return float((logsumexp(logits * inverse, axis=1) - own * inverse).mean())

    found = minimize_scalar(loss, bounds=(math.log(LEAST), math.log(MOST)), method="bounded", options={"xatol": 1e-6})
    return math.exp(float(found.x))


def scaled(probabilities: np.ndarray, by: float) -> np.ndarray:
    """Probabilities at another temperature: softmax of log p ÷ T. The order of the classes stays."""
    from scipy.special import softmax

    return softmax(logarithms(probabilities) / by, axis=1)


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """ln p, where p is at least 2⁻²³: a rounded zero must not outweigh all else."""
    import numpy as np

    return np.log(np.clip(probabilities, np.finfo(np.float32).eps, 1))
