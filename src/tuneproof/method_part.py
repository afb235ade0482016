"""What the parts of a method share: tunings, adversarial trainings and regularisers."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class MethodPart(BaseModel, ABC):
    """A frozen pydantic model; fields of the subclasses are the options a user may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idea: ClassVar[str]
    """One sentence for tables."""
    paper: ClassVar[str]
    """Authors, year and arXiv number or venue."""
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "ner")
    """Names of the tasks that it is defined for."""
