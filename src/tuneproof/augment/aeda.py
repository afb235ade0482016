"""Punctuation insertion, AEDA (Karimi et al. 2021): marks come in before random words, and all words stay."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from pydantic import Field

from tuneproof.augment.base import RowTechnique
from tuneproof.augment.words import CHUNK

MARKS = ".;?:!,"


class Aeda(RowTechnique):
    """Options of punctuation insertion."""

    idea: ClassVar[str] = "Inserts punctuation marks before random words."
    paper: ClassVar[str] = (
        "Karimi et al. 2021, AEDA: An Easier Data Augmentation Technique for Text Classification, Findings of EMNLP"
    )
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")

    most: float = Field(
        1 / 3, gt=0, le=1, description="Marks are drawn between one and this share of the words, at least one."
    )

    def change(self, row: dict[str, Any], shared: None, rng: random.Random) -> dict[str, Any] | None:
        """A mark and a space before each of the chosen words; None for a text without words."""
        text = row["text"]
        starts = [match.start() for match in CHUNK.finditer(text)]
        if not starts:
            return None
        number = rng.randint(1, max(1, int(self.most * len(starts))))
        for start in sorted(rng.sample(starts, number), reverse=True):
            text = f"{text[:start]}{rng.choice(MARKS)} {text[start:]}"
        return {**row, "text": text}
