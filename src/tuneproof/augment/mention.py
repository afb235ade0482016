"""Mention replacement for named entities (Dai & Adel 2020).

Each mention may give way to another training mention of its type; the tags follow, so that the sentence keeps its
entities, their types and their order.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuneproof.augment.base import RowTechnique
from tuneproof.prepare.tags import spans

if TYPE_CHECKING:
    import pandas as pd

Mentions = dict[str, list[tuple[str, ...]]]
"""Entity type → its distinct training mentions, sorted."""


class Mention(RowTechnique):
    """Options of mention replacement."""

    idea: ClassVar[str] = "Replaces entities by other training entities of the same type."
    paper: ClassVar[str] = (
        "Dai & Adel 2020, An Analysis of Simple Data Augmentation for Named Entity Recognition, COLING"
    )
    tasks: ClassVar[tuple[str, ...]] = ("ner",)

    rate: float = Field(0.5, gt=0, le=1, description="Probability that a mention is replaced.")

    def prepare(self, train: pd.DataFrame) -> Mentions:
        found: dict[str, set[tuple[str, ...]]] = {}
        for tokens, tags in zip(train["tokens"], train["tags"], strict=True):
            for start, end, kind in spans(list(tags)):
                found.setdefault(kind, set()).add(tuple(tokens[start:end]))
        return {kind: sorted(mentions) for kind, mentions in sorted(found.items())}

    def change(self, row: dict[str, Any], shared: Mentions, rng: random.Random) -> dict[str, Any] | None:
        tokens, tags = list(row["tokens"]), list(row["tags"])
        changed = False
        for start, end, kind in reversed(spans(tags)):  # from the end, so that earlier positions stay right
            if rng.random() >= self.rate:
                continue
            others = [mention for mention in shared.get(kind, []) if mention != tuple(tokens[start:end])]
            if others:
                mention = rng.choice(others)
                tokens[start:end] = mention
                tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (len(mention) - 1)]
                changed = True
        return {**row, "tokens": tokens, "tags": tags} if changed else None
