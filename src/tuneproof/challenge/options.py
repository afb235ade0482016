"""`evaluation.challenge` of params."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from tuneproof.cell import Part
from tuneproof.challenge.attack import Attack
from tuneproof.challenge.attributions import Explain
from tuneproof.challenge.checks import Check
from tuneproof.challenge.rewrites import REWRITES
from tuneproof.challenge.shifts import SHIFTS
from tuneproof.mistakes import Mistakes, unknown

Strength = Annotated[float, Field(gt=0, le=1)]


class Challenge(Part):
    """How stored runs are put to the test by changed inputs."""

    rows: int = Field(100, ge=2, description="Test rows that are changed, drawn by evaluation.seed; all, where fewer.")
    shifts: dict[str, Strength] = Field(
        default={name: shift.strength for name, shift in SHIFTS.items()},
        description="Shift → share of a text's words that it changes; back-translation: share of the texts.",
        json_schema_extra={"propertyNames": {"enum": [*SHIFTS, *REWRITES]}},
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] | None = Field(
        None, min_length=1, description="Whose runs answer; null: those of the first seed."
    )
    attack: Attack | None = Field(Attack(), description="Synonyms put in until the answer changes; null: none.")
    explain: Explain | None = Field(
        Explain(), description="What words add to the answers of a few rows, and their nearest training rows; null: no."
    )
    forgetting: bool = Field(True, description="How far embeddings of general sentences are still what they were.")

    checks: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)], Check] = Field(
        default={}, description="Name → what a method must do, or must not be moved by (CheckList)."
    )

    @field_validator("shifts")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            if name not in SHIFTS and name not in REWRITES:
                raise Mistakes.at(name, text=unknown(name, [*SHIFTS, *REWRITES]))
        return value


def or_none(value: Any) -> Any:
    """`none` turns challenges off."""
    return None if value == "none" else value
