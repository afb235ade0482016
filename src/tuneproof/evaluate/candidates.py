"""What is judged: the runs and ensembles of one data set and model, gathered by method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.errors import DataError
from tuneproof.evaluate.predictions import Answers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.evaluate.compare import Primary
    from tuneproof.evaluate.scores import Labels
    from tuneproof.tasks.base import Score, Task


class Candidate(NamedTuple):
    """A method with its runs by seed, or an ensemble with one set of predictions (seed None)."""

    name: str
    kind: str
    runs: dict[int | None, dict[str, pd.DataFrame]]
    """Seed → predictions of each split."""
    faults: dict[int | None, str]
    """Seed → why this run cannot be judged."""

    @property
    def seeds(self) -> tuple[int, ...] | None:
        return tuple(seed for seed in self.runs if seed is not None) or None

    def answers(self, split: str) -> list[pd.DataFrame]:
        """Predictions of each run."""
        return [answers[split] for answers in self.runs.values()]


class Judged(NamedTuple):
    """All that the tables of one data set and model are made of."""

    task: Task
    where: dict[str, str]
    """`dataset` and `model`."""
    gold: dict[str, pd.DataFrame]
    candidates: list[Candidate]
    labels: Labels
    counts: np.ndarray
    """Resamples of the test rows."""
    evaluation: dict[str, Any]
    """Settings: `bootstrap`, `confidence`, `seed`, …"""
    score: Score
    """The primary score."""
    primary: dict[str, Primary]
    """Name → its primary score on the test split, for candidates with a run."""

    def about(self, candidate: Candidate, split: str = "test") -> dict[str, Any]:
        """What each row about a candidate begins with."""
        return {**self.where, "method": candidate.name, "kind": candidate.kind, "split": split}


def gather(predictions: Iterable[str], found: Answers) -> list[Candidate]:
    """Runs gathered by method, in the order given; seeds rise. Those that were left out are not among them."""
    gathered: dict[str, Candidate] = {}
    for key in predictions:
        if key.startswith("ensemble:"):
            name, kind, seed = key.removeprefix("ensemble:"), "ensemble", None
        else:
            name, separator, number = key.rpartition("/seed-")
            if not separator or not number.isdecimal():
                raise DataError(f"predictions: found {key!r}; allowed: method/seed-N or ensemble:name")
            kind, seed = "method", int(number)
        if key not in found.answers and key not in found.faults:
            continue
        candidate = gathered.setdefault(name, Candidate(name, kind, {}, {}))
        if candidate.kind != kind:
            raise DataError(f"predictions: {name!r} names a method and an ensemble; rename one of them")
        if key in found.answers:
            candidate.runs[seed] = found.answers[key]
        else:
            candidate.faults[seed] = found.faults[key]
    return [c._replace(runs=dict(sorted(c.runs.items(), key=lambda run: run[0] or 0))) for c in gathered.values()]
