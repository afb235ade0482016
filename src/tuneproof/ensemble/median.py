"""The median of the members' numbers, or of their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.ensemble import level
from tuneproof.ensemble.base import Combination, Combined, Members, equal

if TYPE_CHECKING:
    import numpy as np


class Median(Combination):
    """A few members far off do not move it.

    Medians of probabilities are divided by their sum; where all are 0 the means stand in.
    """

    idea = "The median of the members' numbers or probabilities."
    paper = "Kittler et al. 1998, IEEE TPAMI 20(3)"

    def combine(self, members: Members) -> Combined:
        found = {split: _middle(members, split) for split in members.answers}
        answers = {split: level.answers(members, split, units) for split, units in found.items()}
        return Combined(answers, equal(len(members.names)))


def _middle(members: Members, split: str) -> np.ndarray:
    import numpy as np

    given = level.inputs(members, split)
    middle = np.asarray(np.median(given, axis=0))
    if members.task.name == "regression":
        return middle
    total = middle.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, middle / np.where(total > 0, total, 1), given.mean(axis=0)))
