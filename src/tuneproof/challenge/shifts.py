"""Shifts: a text as somebody else might have written it, with the same label. One function each; one line in `SHIFTS`.

A shift changes single words and never their number, so that the tags of a sentence stay right. Words are what white
space parts (ner: the sentence's words). `shifted` is a pure function: the same text, strength and key give the same
outcome in every process.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.augment import wordnet
from tuneproof.augment.synonym import STOP_WORDS
from tuneproof.augment.words import CORE, Change, change_some, change_text, slip

if TYPE_CHECKING:
    from tuneproof.challenge.predictor import Text

MARKS = ".,;:!?"


class Shift(NamedTuple):
    """How one word is changed."""

    change: Change
    strength: float
    """Share of a text's words that is changed where params name none."""
    idea: str
    unavailable: Callable[[], str | None] = lambda: None
    """Why it cannot be made on this machine, or None."""


def shifted(name: str, text: Text, strength: float, *, key: str) -> Text:
    """A text, a pair or a sentence's words after a shift.

    `strength` in (0, 1]: this share of the words is changed, at least one; fewer where fewer can be. `key` seeds the
    choice: the row's id. Raises KeyError for an unknown name, `MethodError` where there is no WordNet for synonyms.
    """
    rng, change = random.Random(f"{name}:{key}"), SHIFTS[name].change
    if isinstance(text, tuple):
        return (change_text(text[0], change, strength, rng), change_text(text[1], change, strength, rng))
    if isinstance(text, str):
        return change_text(text, change, strength, rng)
    return change_some(text, change, strength, rng)


# shifts


def _case(word: str, _: random.Random) -> str | None:
    """A word with capitals loses them; another one is written in capitals. Handles and addresses stay."""
    if word.startswith(("@", "http", "www.")):
        return None
    return word.lower() if word != word.lower() else word.upper()


def _punctuation(word: str, rng: random.Random) -> str | None:
    """Marks at a word's end go; a word without gets one; a mark that stands alone gives way to another."""
    if word.startswith(("@", "http", "www.")):
        return None
    bare = word.rstrip(MARKS)
    if not bare:
        return rng.choice([mark for mark in MARKS if mark != word])
    return bare if bare != word else word + rng.choice(MARKS)


def _synonym(word: str, rng: random.Random) -> str | None:
    """A content word in lower case gives way to a synonym of one word; names have capitals and stay."""
    core = CORE.match(word)
    if core is None or not core[1].islower() or core[1] in STOP_WORDS:
        return None
    found = [synonym for synonym in thesaurus().synonyms(core[1]) if " " not in synonym]
    return word[: core.start(1)] + rng.choice(found) + word[core.end(1) :] if found else None


@cache
def thesaurus() -> wordnet.WordNet:
    """WordNet, read once in a process."""
    return wordnet.load()


SHIFTS = {
    "typos": Shift(slip, 0.1, "A letter of a word becomes its neighbour on the keyboard (Belinkov & Bisk 2018)."),
    "case": Shift(_case, 0.5, "Words with capitals lose them, others are written in capitals."),
    "punctuation": Shift(_punctuation, 0.2, "Marks behind words go, and words without get one."),
    "synonym": Shift(
        _synonym, 0.2, "A WordNet synonym takes a word's place (as in Jin et al. 2020).", wordnet.unavailable
    ),
}
"""Name → shift. A shift that is added here can be named in `evaluation.challenge.shifts`."""
