"""Forward selection of members by the validation score."""

from __future__ import annotations

import math

from pydantic import Field

from tuneproof.ensemble.base import Combination, Combined, Members


class Greedy(Combination):
    """`size` times the member is added, or added again, that makes the best primary score on the validation rows.

    Of equally good ones the first. The ensemble is the shortest of the best prefixes, as scores may fall after their
    peak; its validation score is that of the rows it was chosen on, and too good.
    """

    idea = "Members are picked one by one, with repetition, by the validation score of their mean."
    paper = "Caruana et al. 2004, ICML (Ensemble Selection from Libraries of Models)"

    size: int = Field(10, ge=1, description="How many picks, with repetition.")

    def combine(self, members: Members) -> Combined:
        picks, values = select(members, self.size)
        kept = picks[: values.index(max(values)) + 1]
        weights = shares(kept, len(members.names))
        path = [
            {"run": members.names[pick], "value": None if value == -math.inf else value}
            for pick, value in zip(picks, values, strict=True)
        ]
        return Combined({split: members.together(split, weights) for split in members.answers}, weights, {"path": path})


def select(members: Members, size: int) -> tuple[list[int], list[float]]:
    """The picks (places of members) and the score after each, −∞ where it is not defined.

    Raises `MethodError` where no member has a score.
    """
    members.scores()
    picks: list[int] = []
    values: list[float] = []
    for _ in range(size):
        scored = [_value(members, [*picks, candidate]) for candidate in range(len(members.names))]
        values.append(max(scored))
        picks.append(scored.index(max(scored)))
    return picks, values


def shares(picks: list[int], count: int) -> list[float]:
    """The share of each of `count` members among some picks."""
    return [picks.count(place) / len(picks) for place in range(count)]


def _value(members: Members, picks: list[int]) -> float:
    value = members.score(members.together("validation", shares(picks, len(members.names))))
    return -math.inf if value is None else value
