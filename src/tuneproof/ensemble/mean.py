"""The mean of the members' probabilities (regression: of their numbers)."""

from __future__ import annotations

from tuneproof.ensemble.base import Combination, Combined, Members, equal


class Mean(Combination):
    """Every member counts alike; ner: word by word, and the task makes a valid sequence of the most probable tags."""

    idea = "The mean of the members' probabilities."
    paper = "Hansen and Salamon 1990, IEEE TPAMI 12(10); Kittler et al. 1998, IEEE TPAMI 20(3)"

    def combine(self, members: Members) -> Combined:
        weights = equal(len(members.names))
        return Combined({split: members.together(split, weights) for split in members.answers}, weights)
