"""EDA: synonym replacement, random insertion, random swap and random deletion (Wei & Zou 2019).

Each new row comes of one of these operations. Words are what white space parts and has a letter or a digit; marks
that stand alone, white space and case stay, where the paper lower-cases texts and takes marks out. Of a text pair,
the first text is changed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from tuneproof.augment import synonym, wordnet
from tuneproof.augment.base import RowTechnique

if TYPE_CHECKING:
    import pandas as pd

SPACE = re.compile(r"(\s+)")

Name = Literal["synonym", "insertion", "swap", "deletion"]
Operation = Callable[[str, float, wordnet.WordNet, random.Random], str | None]
"""Text, alpha, dictionary, generator → new text; None where the operation cannot change this text."""


class Eda(RowTechnique):
    """Options of EDA."""

    idea: ClassVar[str] = "Replaces, inserts, swaps or deletes some words at random."
    paper: ClassVar[str] = "Wei & Zou 2019, EDA: Easy Data Augmentation Techniques, EMNLP-IJCNLP"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")

    operations: tuple[Name, ...] = Field(
        ("synonym", "insertion", "swap", "deletion"), min_length=1, description="Each new row comes of one of these."
    )
    alpha: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Share of the words, at least one, that is replaced, inserted or swapped; probability of deletion.",
    )

    @field_validator("operations")
    @classmethod
    def _once(cls, operations: tuple[Name, ...]) -> tuple[Name, ...]:
        if len(set(operations)) < len(operations):
            raise ValueError("an operation is named twice; allowed: each once")
        return operations

    def unavailable(self) -> str | None:
        """Swap and deletion need no dictionary."""
        return wordnet.unavailable() if {"synonym", "insertion"} & set(self.operations) else None

    def prepare(self, train: pd.DataFrame) -> wordnet.WordNet | None:
        """The dictionary, where one is needed. Raises `MethodError` where there is none."""
        return wordnet.load() if {"synonym", "insertion"} & set(self.operations) else None

    def change(self, row: dict[str, Any], shared: Any, rng: random.Random) -> dict[str, Any] | None:
        """The first operation of a random order that changes the text; None where none does."""
        for name in rng.sample(self.operations, len(self.operations)):
            text = OPERATIONS[name](row["text"], self.alpha, shared, rng)
            if text is not None and text != row["text"]:
                return {**row, "text": text}
        return None


def replaced(text: str, alpha: float, net: wordnet.WordNet, rng: random.Random) -> str | None:
    """n content words give way to synonyms of their part of speech and inflection; fewer where fewer have any."""
    return synonym.replaced(text, synonym.content_words(text), _number(alpha, len(_words(text.split()))), net, rng)


def inserted(text: str, alpha: float, net: wordnet.WordNet, rng: random.Random) -> str | None:
    """n times a synonym of a random content word comes in at a random place, in lower case."""
    pieces = SPACE.split(text)
    words = _words(pieces)
    number = _number(alpha, len(words))
    content = synonym.content_words(text)
    found: list[tuple[str, ...]] = []
    for match in rng.sample(content, len(content)):
        found += filter(None, [synonym.synonyms(match, net)])
        if len(found) == number:
            break
    if not found:
        return None
    for turn in range(number):
        word = rng.choice(found[turn % len(found)])
        place = rng.randrange(len(words) + 1)
        at = words[min(place, len(words) - 1)]
        pieces[at] = f"{word} {pieces[at]}" if place < len(words) else f"{pieces[at]} {word}"
    return "".join(pieces)


def swapped(text: str, alpha: float, _: wordnet.WordNet, rng: random.Random) -> str | None:
    """n times two words change places."""
    pieces = SPACE.split(text)
    words = _words(pieces)
    if len({pieces[place] for place in words}) < 2:
        return None
    for _turn in range(_number(alpha, len(words))):
        one, other = rng.sample(words, 2)
        pieces[one], pieces[other] = pieces[other], pieces[one]
    return "".join(pieces)


def deleted(text: str, alpha: float, _: wordnet.WordNet, rng: random.Random) -> str | None:
    """Each word goes with probability alpha; where none would go, a random one does, and a last one stays."""
    pieces = SPACE.split(text)
    words = _words(pieces)
    if len(words) < 2:
        return None
    gone = {place for place in words if rng.random() < alpha} or {rng.choice(words)}
    if len(gone) == len(words):
        gone.remove(rng.choice(words))
    gone |= {place + 1 for place in gone}  # and the space behind it
    return "".join(piece for place, piece in enumerate(pieces) if place not in gone).strip()


OPERATIONS: dict[str, Operation] = {"synonym": replaced, "insertion": inserted, "swap": swapped, "deletion": deleted}


def _words(pieces: list[str]) -> list[int]:
    """Places of the words in a text that was split at its white space."""
    return [place for place, piece in enumerate(pieces) if any(letter.isalnum() for letter in piece)]


def _number(alpha: float, words: int) -> int:
    return max(1, round(alpha * words))
