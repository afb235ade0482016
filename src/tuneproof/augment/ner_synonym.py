"""Synonym replacement for named entities (Dai & Adel 2020).

A token may give way to a WordNet synonym. A synonym of several words becomes as many tokens: behind B- and I- go I- of
the same type, behind O go O.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tuneproof.augment import wordnet
from tuneproof.augment.base import Row, RowTechnique
from tuneproof.augment.synonym import STOP_WORDS
from tuneproof.augment.words import cased

if TYPE_CHECKING:
    import pandas as pd

WORD = re.compile(r"[A-Za-z]{3,}")


class NerSynonym(RowTechnique):
    """Options of synonym replacement in tagged sentences."""

    idea: ClassVar[str] = "Replaces tokens by WordNet synonyms; tags grow with synonyms of several words."
    paper: ClassVar[str] = (
        "Dai & Adel 2020, An Analysis of Simple Data Augmentation for Named Entity Recognition, COLING"
    )
    tasks: ClassVar[tuple[str, ...]] = ("ner",)

    rate: float = Field(0.3, gt=0, le=1, description="Probability that a token that has synonyms is replaced.")

    def unavailable(self) -> str | None:
        return wordnet.unavailable()

    def prepare(self, train: pd.DataFrame) -> wordnet.WordNet:
        """The dictionary. Raises `MethodError` where there is none."""
        return wordnet.load()

    def change(self, row: Row, shared: wordnet.WordNet, rng: random.Random) -> Row | None:
        tokens: list[str] = []
        tags: list[str] = []
        for place, (token, tag) in enumerate(zip(row["tokens"], row["tags"], strict=True)):
            synonyms = shared.synonyms(token.lower()) if _is_plain(token, place) else ()
            replaced = bool(synonyms) and rng.random() < self.rate
            words = cased(rng.choice(synonyms), token).split() if replaced else [token]
            tokens += words
            tags += [tag, *[tag if tag == "O" else f"I-{tag.partition('-')[2]}"] * (len(words) - 1)]
        return {**row, "tokens": tokens, "tags": tags} if tokens != list(row["tokens"]) else None


def _is_plain(token: str, place: int) -> bool:
    """A content word in lower case, or one that starts the sentence; others with capitals are names."""
    if WORD.fullmatch(token) is None or token.lower() in STOP_WORDS:
        return False
    return token.islower() or (place == 0 and token.istitle())
