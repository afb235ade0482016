"""The label that most members give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.ensemble import level
from tuneproof.ensemble.base import Columns, Combination, Combined, Members, equal
from tuneproof.tasks.ner import valid_tags

if TYPE_CHECKING:
    import numpy as np


class Majority(Combination):
    """One vote a member; of labels with equally many votes the one of the larger mean probability, then the first.

    Its probabilities are shares of votes. ner: the words vote one by one, and an `I-` that continues nothing starts an
    entity, as with the methods' own answers.
    """

    idea = "The label with the most votes."
    paper = "Condorcet 1785; Lam and Suen 1997, IEEE Trans. SMC A 27(5)"
    tasks = ("classification", "ner")

    def combine(self, members: Members) -> Combined:
        return Combined({split: _elected(members, split) for split in members.answers}, equal(len(members.names)))


def _elected(members: Members, split: str) -> Columns:
    import numpy as np

    votes = ballots(members, split)
    chosen = (votes + level.inputs(members, split).mean(axis=0) / 2).argmax(axis=1)  # half of it breaks ties alone
    names = [members.labels[place] for place in chosen]
    probabilities = (votes / len(members.names)).astype(np.float32)
    if members.task.name == "classification":
        return {"prediction": names, "probabilities": list(probabilities)}
    ends = np.cumsum(level.sizes(members.task, members.answers[split][0]))
    rows = list(zip([0, *ends[:-1]], ends, strict=True))
    return {
        "prediction": [valid_tags(names[start:end]) for start, end in rows],
        "probabilities": [list(probabilities[start:end]) for start, end in rows],
    }


def ballots(members: Members, split: str) -> np.ndarray:
    """Votes, units × labels."""
    import numpy as np

    index = {label: place for place, label in enumerate(members.labels)}
    ballot = np.eye(len(index))
    votes = []
    for frame in members.answers[split]:
        given = frame["prediction"]
        named = [tag for tags in given for tag in tags] if members.task.name == "ner" else given
        votes.append(ballot[[index[label] for label in named]])
    return np.asarray(np.sum(votes, axis=0))
