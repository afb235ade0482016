"""Shuffle within segments for named entities (Dai & Adel 2020).

A sentence is cut into segments of one label: each mention, and each stretch of O. Tokens may be shuffled within a
segment, never across; tags stay as they stand.
"""

from __future__ import annotations

import random
from typing import Any, ClassVar

from pydantic import Field

from tuneproof.augment.base import Row, RowTechnique
from tuneproof.prepare.tags import spans


class Shuffle(RowTechnique):
    """Options of the shuffle within segments."""

    idea: ClassVar[str] = "Shuffles the tokens within each entity and within each stretch between entities."
    paper: ClassVar[str] = (
        "Dai & Adel 2020, An Analysis of Simple Data Augmentation for Named Entity Recognition, COLING"
    )
    tasks: ClassVar[tuple[str, ...]] = ("ner",)

    rate: float = Field(0.3, gt=0, le=1, description="Probability that a segment is shuffled.")

    def change(self, row: Row, shared: Any, rng: random.Random) -> Row | None:
        tokens = list(row["tokens"])
        for start, end in segments(list(row["tags"])):
            if rng.random() < self.rate:
                tokens[start:end] = rng.sample(tokens[start:end], end - start)
        return {**row, "tokens": tokens} if tokens != list(row["tokens"]) else None


def segments(tags: list[str]) -> list[tuple[int, int]]:
    """First token and one past the last token of each mention and each stretch of O, in order."""
    found: list[tuple[int, int]] = []
    at = 0
    for start, end, _ in spans(tags):
        found += [(at, start), (start, end)] if at < start else [(start, end)]
        at = end
    return [*found, (at, len(tags))] if at < len(tags) else found
