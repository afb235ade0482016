"""What every augmentation technique promises.

A technique is a frozen pydantic model: its fields are its options. It turns prepared training rows into new rows of
the same columns; labels stay right, and the result depends on rows, options and seed alone.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


class Technique(BaseModel, ABC):
    """Base of all techniques; fields of the subclasses are the options a user may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idea: ClassVar[str]
    paper: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    """Names of the tasks it works for."""

    copies: int = Field(1, ge=1, le=20, description="New rows made of each training row.")

    def unavailable(self) -> str | None:
        """Why it cannot run on this machine (a system package is missing, say), or None where it can."""
        return None

    def prepare(self, train: pd.DataFrame) -> Any:
        """What all rows share (an index of mentions, a dictionary), computed once from all training rows."""
        return None

    @abstractmethod
    def changes(self, rows: Sequence[Row], shared: Any, rngs: Sequence[random.Random]) -> list[Row | None]:
        """A new row of the same columns for each of `rows`, or None where nothing could be changed.

        A training row stands in `rows` once for each of its copies. `rngs` has a generator for each of them, seeded
        with row and copy: the outcome must not depend on which rows stand beside it, nor on the number of workers.
        """


class RowTechnique(Technique):
    """A technique that looks at one row at a time."""

    def changes(self, rows: Sequence[Row], shared: Any, rngs: Sequence[random.Random]) -> list[Row | None]:
        return [self.change(row, shared, rng) for row, rng in zip(rows, rngs, strict=True)]

    @abstractmethod
    def change(self, row: Row, shared: Any, rng: random.Random) -> Row | None:
        """One new row of the same columns, or None where nothing could be changed."""
