"""A weighted mean of the members' probabilities (regression: of their numbers)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tuneproof.ensemble import level
from tuneproof.ensemble.base import Combination, Combined, Members
from tuneproof.errors import MethodError

if TYPE_CHECKING:
    import numpy as np

STEPS, ENOUGH = 10_000, 1e-10
"""Most steps of EM, and the gain in mean log likelihood below which it ends."""
SMALL = 1e-4
"""Weights below this share of the largest are zero: such a member costs a pass and changes nothing."""
LEAST = 2.0**-23
"""A rounded zero of a probability must not outweigh all else."""


class Weighted(Combination):
    """Weights of at least 0 that sum to 1, from the validation rows.

    `by: loss` minimises the validation log loss of the mixture by expectation maximisation (convex; Smyth and Wolpert
    1999), regression: the squared error (Breiman 1996). `by: score` takes each member's primary score; scores that lie
    close together make nearly equal weights. The weights are fitted on the rows that the validation score is of, which
    is a little too good.
    """

    idea = "A mean of probabilities with weights fitted on the validation rows."
    paper = "Smyth and Wolpert 1999, Machine Learning 36; numbers: Breiman 1996, Machine Learning 24"

    by: Literal["loss", "score"] = Field(
        "loss", description="loss: weights of the least validation loss; score: in proportion to validation scores."
    )

    def combine(self, members: Members) -> Combined:
        weights = _by_score(members) if self.by == "score" else _by_loss(members)
        return Combined({split: members.together(split, weights) for split in members.answers}, weights)


def _by_score(members: Members) -> list[float]:
    scores = [max(value or 0.0, 0.0) for value in members.scores()]
    if not (total := sum(scores)):
        raise MethodError(f"no member has a {members.task.primary} above 0 on the validation split")
    return [score / total for score in scores]


def _by_loss(members: Members) -> list[float]:
    import numpy as np

    given, right = level.inputs(members, "validation"), level.targets(members)
    if members.task.name == "regression":
        found = least_squares(given[:, :, 0], right)
    else:
        known = np.flatnonzero(right >= 0)
        if not len(known):
            raise MethodError("no validation row has a label that the members know")
        found = mixture(given[:, known, right[known]])
    found[found < SMALL * found.max()] = 0.0
    return [float(weight) for weight in found / found.sum()]


def mixture(likelihoods: np.ndarray) -> np.ndarray:
    """Weights w ≥ 0, Σw = 1, of the largest mean of ln Σ w·p; `likelihoods` is members × units, the right label's p.

    Expectation maximisation from equal weights: each step multiplies a weight by the mean share of its member in the
    mixture, and never lessens the likelihood.
    """
    import numpy as np

    p = np.clip(likelihoods, LEAST, 1)
    weights = np.full(len(p), 1 / len(p))
    before = -np.inf
    for _ in range(STEPS):
        mixed = weights @ p
        now = float(np.log(mixed).mean())
        if now - before < ENOUGH:
            break
        before = now
        weights = weights * (p / mixed).mean(axis=1)
    return np.asarray(weights / weights.sum())


def least_squares(given: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Weights w ≥ 0, Σw = 1, of the least squared error of Σ w·x; `given` is members × rows.

    As Σw = 1, the error is Σ w·(x − y): the point of a convex hull next to the origin, which is found by non-negative
    least squares with a row that holds the sum (Lawson and Hanson 1974, problem LDP).
    """
    import numpy as np
    from scipy.optimize import nnls

    errors = given - right
    scale = float(np.abs(errors).max())
    if not scale:
        return np.full(len(given), 1 / len(given))
    matrix = np.vstack([errors.T / scale, np.ones(len(given))])
    goal = np.zeros(len(matrix))
    goal[-1] = 1.0
    weights, _ = nnls(matrix, goal)
    return np.asarray(weights / weights.sum())
