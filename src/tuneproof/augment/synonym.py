"""Synonym replacement with WordNet, one operation of EDA (Wei & Zou 2019).

A share of a text's content words gives way to synonyms of their most frequent senses; case and simple inflections
are kept. Of a text pair, the first text is changed.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuneproof.augment import wordnet
from tuneproof.augment.base import RowTechnique
from tuneproof.augment.words import cased

if TYPE_CHECKING:
    import pandas as pd

NOMINAL = ("noun", "adj")
WORD = re.compile(r"(?<![\w@#'’&/.-])[A-Za-z]{3,}(?![\w'’@/]|[.-]\w)")
"""A word of three letters or more that is no part of a handle, hashtag, address, contraction or compound."""

SENTENCE_START = re.compile(r"(?:^|[.!?])[\s\"'“‘(]*$")

FUNCTION_WORDS = """
    about above across after again against all almost alone along already also although always among and another any
    anybody anyone anything anywhere are around because been before behind being below between both but can cannot could
    did does doing done down during each either else enough etc even ever every everybody everyone everything everywhere
    except few for from further had has have having hence her here hers herself him himself his how however inside into
    its itself just least less lot lots many may maybe might mine more moreover most much must myself near neither never
    nevertheless nobody none nor not nothing now nowhere off often once one only onto other others otherwise ought our
    ours ourselves out outside over own per perhaps quite rather same shall she should since some somebody someone
    something sometimes somewhere still such than that the their theirs them themselves then there therefore these they
    this those though through throughout thus till together too toward towards two under unless until upon use used
    using very via was well were what whatever when whenever where whereas wherever whether which while who whoever
    whole whom whose why will with within without would yes yet you your yours yourself yourselves
"""
STOP_WORDS = frozenset(FUNCTION_WORDS.split())
"""They carry grammar rather than content, and their entries in WordNet mean something else."""

DETERMINERS = """
    a an the this these those my your his her its our their some any no every each
"""
BEFORE_VERBS = """
    to can could will would shall should may might must i you we they who
"""
DEGREES = """
    very too so quite rather extremely really
"""
CUES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(DETERMINERS.split(), NOMINAL),
    **dict.fromkeys(BEFORE_VERBS.split(), ("verb",)),
    **dict.fromkeys(DEGREES.split(), ("adj", "adv")),
}
"""Word → parts of speech of the word behind it, as far as that can have them."""
NEAR = 16
"""Characters before a word in which the word before it is looked for."""


class Synonym(RowTechnique):
    """Options of synonym replacement."""

    idea: ClassVar[str] = "Replaces some content words by WordNet synonyms."
    paper: ClassVar[str] = "Wei & Zou 2019, EDA: Easy Data Augmentation Techniques, EMNLP-IJCNLP"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")

    rate: float = Field(0.15, gt=0, le=1, description="Share of the content words that is replaced, at least one.")

    def unavailable(self) -> str | None:
        return wordnet.unavailable()

    def prepare(self, train: pd.DataFrame) -> wordnet.WordNet:
        """The dictionary. Raises `MethodError` where there is none."""
        return wordnet.load()

    def change(self, row: dict[str, Any], shared: wordnet.WordNet, rng: random.Random) -> dict[str, Any] | None:
        words = content_words(row["text"])
        text = replaced(row["text"], words, max(1, round(self.rate * len(words))), shared, rng)
        return None if text is None else {**row, "text": text}


def replaced(
    text: str, words: list[re.Match[str]], wanted: int, net: wordnet.WordNet, rng: random.Random
) -> str | None:
    """The text after `wanted` of its `words` gave way to synonyms; fewer where fewer have any, None where none has."""
    found: dict[int, tuple[int, str]] = {}  # start → end, new word
    for match in rng.sample(words, len(words)):
        near = synonyms(match, net)
        if near:
            found[match.start()] = match.end(), cased(rng.choice(near), match[0])
        if len(found) == wanted:
            break
    for start in sorted(found, reverse=True):
        end, word = found[start]
        text = text[:start] + word + text[end:]
    return text if found else None


def synonyms(match: re.Match[str], net: wordnet.WordNet) -> tuple[str, ...]:
    """Synonyms of a word of a text, of the part of speech that the word before it asks for."""
    start = match.start()
    before = match.string[max(0, start - NEAR) : start]
    word = before.split()[-1].lower() if before[-1:].isspace() and not before.isspace() else ""
    return net.synonyms(match[0].lower(), parts=CUES.get(word, wordnet.PARTS))


def content_words(text: str) -> list[re.Match[str]]:
    """The words of a text that carry content, in order."""
    return [match for match in WORD.finditer(text) if _is_content(match)]


def _is_content(match: re.Match[str]) -> bool:
    """No stop word, and no name: a capital within a sentence."""
    word = match[0]
    if word.lower() in STOP_WORDS:
        return False
    if word.islower() or word.isupper():
        return True
    near = max(0, match.start() - 16)  # not the whole text for each of its words
    return word.istitle() and bool(SENTENCE_START.search(match.string, near, match.start()))
