"""What every combination promises: answers of several runs in, answers of the ensemble out.

A combination is a frozen pydantic model: its fields are its options. It sees the members' answers to both splits and
the labels of the validation rows, never those of the test rows.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tuneproof.errors import MethodError
from tuneproof.method_part import MethodPart

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.tasks.base import Task

Columns = dict[str, list[Any]]
"""Prediction columns of a split, one entry a row."""


class Stored(NamedTuple):
    """Where the members' checkpoints lie, for combinations that need more than answers."""

    runs: dict[str, Path]
    """Member → the folder of its run."""
    model: Path
    """Folder of the pre-trained model."""
    tokens: Path
    """Folder of the tokenized splits."""
    out: Path
    """The ensemble's own folder."""


class Members(NamedTuple):
    """m runs of one data set and model, in the order of their names."""

    task: Task
    labels: list[str]
    names: list[str]
    answers: dict[str, list[pd.DataFrame]]
    """Split → one frame a member; its k-th row answers the split's k-th row."""
    gold: pd.DataFrame
    """The validation rows with their labels."""
    stored: Stored | None = None

    def together(self, split: str, weights: list[float]) -> Columns:
        """Answers by the weighted mean of the members' probabilities (or numbers); members of weight 0 do not count."""
        used = [(frame, weight) for frame, weight in zip(self.answers[split], weights, strict=True) if weight]
        return self.task.combine([frame for frame, _ in used], [weight for _, weight in used], self.labels)

    def score(self, predicted: Columns | pd.DataFrame) -> float | None:
        """The task's primary score on the validation rows; None where it is not defined, as with a NaN answer."""
        import pandas as pd

        frame = pd.DataFrame(predicted)
        if frame["prediction"].isna().any():
            return None
        value = self.task.evaluate(self.gold, frame)[self.task.primary]
        return None if math.isnan(value) else value

    def scores(self) -> list[float | None]:
        """Each member's primary score on the validation rows. Raises `MethodError` where none has one."""
        found = [self.score(frame) for frame in self.answers["validation"]]
        if all(value is None for value in found):
            raise MethodError(f"no member has a {self.task.primary} on the validation split")
        return found


class Combined(NamedTuple):
    """What an ensemble answers, and how it came to."""

    answers: dict[str, Columns]
    """Split → prediction columns."""
    weights: list[float]
    """One a member, summing to 1; 0 where it is not used. How much each counts, as far as one number says it."""
    about: Mapping[str, Any] = MappingProxyType({})
    """Further entries of members.json, as coefficients."""


class Combination(MethodPart):
    """Base of all combinations; fields of the subclasses are the options a user may set."""

    one_model: ClassVar[bool] = False
    """True where the members become one model: they are runs of one method, and their checkpoints are read."""

    @abstractmethod
    def combine(self, members: Members) -> Combined:
        """The ensemble's answers to both splits.

        Answers to the validation rows of a combination that is fitted on them are such that their score is honest, or
        the subclass says that it is not. Raises `MethodError` where the combination is not defined for these members.
        """


def equal(count: int) -> list[float]:
    """The same weight for each of some members."""
    return [1 / count] * count
