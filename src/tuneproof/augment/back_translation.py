"""Back-translation (Sennrich et al. 2016; Edunov et al. 2018): into another language and back, by Apertium.

Of a text pair, the first text is changed. Of a tagged sentence the stretches between mentions are translated, each on
its own; mentions keep their words, and what stands around them is O as before.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tuneproof.augment import apertium
from tuneproof.augment.base import Row, Technique
from tuneproof.prepare.tags import spans

Part = tuple[list[str], list[str], bool]
"""Tokens and tags of a stretch of a sentence, and whether it is translated."""


class BackTranslation(Technique):
    """Options of back-translation. It is deterministic, so that two copies through one pivot are the same text."""

    idea: ClassVar[str] = "Translates texts into another language and back, with Apertium's rules."
    paper: ClassVar[str] = (
        "Sennrich et al. 2016, Improving Neural Machine Translation Models with Monolingual Data, ACL; "
        "Forcada et al. 2011, Apertium, Machine Translation 25"
    )
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "ner")

    language: str = Field("eng", pattern=r"^[a-z]{2,3}(_[A-Za-z]+)?$", description="Language of the texts.")
    pivots: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Za-z]+)?$")], ...] = Field(
        ("spa",),
        min_length=1,
        description="Languages to go through, as Apertium names them: copy k takes pivot k modulo their number. "
        "Further copies than pivots repeat earlier ones and are dropped.",
    )

    def unavailable(self) -> str | None:
        ways = [(self.language, pivot) for pivot in self.pivots]
        return apertium.unavailable(f"{one}-{other}" for way in ways for one, other in (way, way[::-1]))

    def changes(self, rows: Sequence[Row], shared: Any, rngs: Sequence[random.Random]) -> list[Row | None]:
        """Rows that share a pivot are translated together; a row's copies are numbered as they come."""
        turns: Counter[str] = Counter()
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(self.pivots[turns[row["id"]] % len(self.pivots)], []).append(place)
            turns[row["id"]] += 1
        found: list[Row | None] = [None] * len(rows)
        for pivot, taken in places.items():
            for place, new in zip(taken, self._through(pivot, [rows[place] for place in taken]), strict=True):
                found[place] = new
        return found

    def _through(self, pivot: str, rows: list[Row]) -> list[Row | None]:
        if rows and "tokens" in rows[0]:
            return self._sentences(pivot, rows)
        texts = self._there_and_back(pivot, [row["text"] for row in rows])
        plain = [apertium.SPACES.sub(" ", row["text"]).strip() for row in rows]
        return [
            {**row, "text": text} if text and text != before else None
            for row, text, before in zip(rows, texts, plain, strict=True)
        ]

    def _sentences(self, pivot: str, rows: list[Row]) -> list[Row | None]:
        cut = [_parts(list(row["tokens"]), list(row["tags"])) for row in rows]
        stretches = [" ".join(tokens) for parts in cut for tokens, _, free in parts if free]
        translated = iter(self._there_and_back(pivot, stretches))
        found: list[Row | None] = []
        for row, parts in zip(rows, cut, strict=True):
            tokens, tags = [], []
            for words, kinds, free in parts:
                new = next(translated).split() or words if free else words
                tokens += new
                tags += ["O"] * len(new) if free else kinds
            changed = tokens != list(row["tokens"])
            found.append({**row, "tokens": tokens, "tags": tags} if changed else None)
        return found

    def _there_and_back(self, pivot: str, texts: list[str]) -> list[str]:
        return apertium.translate(apertium.translate(texts, f"{self.language}-{pivot}"), f"{pivot}-{self.language}")


def _parts(tokens: list[str], tags: list[str]) -> list[Part]:
    """The sentence in order: mentions, and the stretches of O between them."""
    parts: list[Part] = []
    at = 0
    for start, end, _ in [*spans(tags), (len(tokens), len(tokens), "")]:
        if at < start:
            parts.append((tokens[at:start], tags[at:start], True))
        if start < end:
            parts.append((tokens[start:end], tags[start:end], False))
        at = end
    return parts
