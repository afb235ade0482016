"""Label-wise token replacement for named entities (Dai & Adel 2020).

A token may give way to another training token with the same tag, drawn as often as it occurs there; tags stay.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuneproof.augment.base import Row, RowTechnique

if TYPE_CHECKING:
    import pandas as pd


class Tokens:
    """The training tokens of one tag, with how often they occur."""

    def __init__(self, counts: Counter[str]) -> None:
        self.tokens = sorted(counts)
        self.counts = dict(counts)
        self.ends = list(accumulate(counts[token] for token in self.tokens))
        self.starts = {token: end - counts[token] for token, end in zip(self.tokens, self.ends, strict=True)}

    def other(self, than: str, rng: random.Random) -> str | None:
        """Another token, by frequency; None where there is no other."""
        own, start = self.counts.get(than, 0), self.starts.get(than, 0)
        left = self.ends[-1] - own
        if not left:
            return None
        drawn = rng.randrange(left)
        return self.tokens[bisect_right(self.ends, drawn if drawn < start else drawn + own)]


class LabelWise(RowTechnique):
    """Options of label-wise token replacement."""

    idea: ClassVar[str] = "Replaces tokens by other training tokens with the same tag."
    paper: ClassVar[str] = (
        "Dai & Adel 2020, An Analysis of Simple Data Augmentation for Named Entity Recognition, COLING"
    )
    tasks: ClassVar[tuple[str, ...]] = ("ner",)

    rate: float = Field(0.3, gt=0, le=1, description="Probability that a token is replaced.")

    def prepare(self, train: pd.DataFrame) -> dict[str, Tokens]:
        counts: dict[str, Counter[str]] = {}
        for tokens, tags in zip(train["tokens"], train["tags"], strict=True):
            for token, tag in zip(tokens, tags, strict=True):
                counts.setdefault(tag, Counter())[token] += 1
        return {tag: Tokens(found) for tag, found in sorted(counts.items())}

    def change(self, row: Row, shared: dict[str, Tokens], rng: random.Random) -> Row | None:
        tokens: list[Any] = list(row["tokens"])
        for place, tag in enumerate(row["tags"]):
            if rng.random() < self.rate and tag in shared:
                tokens[place] = shared[tag].other(tokens[place], rng) or tokens[place]
        return {**row, "tokens": tokens} if tokens != list(row["tokens"]) else None
