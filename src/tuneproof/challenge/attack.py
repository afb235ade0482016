"""A greedy word-substitution attack on a model's own answers (TextFooler: Jin et al. 2020, arXiv 1907.11932).

A text's content words are ranked by what leaving one out does to the probability of the model's answer; then, from
the most important on, each gives way to the WordNet synonym that lowers that probability most, until the answer
changes. Synonyms are of the word's likeliest part of speech and in its inflection; stop words and names are kept. Of
a pair, the first text is changed. No label is looked at.

A query is one text that the model answers; a text never gets more than the budget. Texts of all rows are answered
together, round by round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from tuneproof.augment.synonym import content_words
from tuneproof.augment.words import cased
from tuneproof.cell import Part

if TYPE_CHECKING:
    import re

    import numpy as np

SENSES = 4
"""Of a word's senses, so many of the most frequent give synonyms."""


class Attack(Part):
    """Options of the attack."""

    rows: int = Field(10, ge=1, description="Test rows that are attacked.")
    budget: int = Field(100, ge=2, le=10_000, description="Texts that the model answers for one row, at most.")
    candidates: int = Field(8, ge=1, le=100, description="Synonyms that are tried for a word, at most.")
    similarity: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least cosine of a changed text with the original one, in the pre-trained model; null: any.",
    )


class Attacked(NamedTuple):
    """What became of one text."""

    success: bool
    """Whether the model's answer changed."""
    words: int
    """Words of the text, by white space."""
    words_changed: int
    queries: int
    text: str
    """The text with its words changed; also where the answer did not change."""


Answer = Callable[[Sequence[str]], "np.ndarray"]
"""Texts → probabilities, texts × classes."""
Synonyms = Callable[[str], Sequence[str]]
"""A word in lower case → words that may take its place."""
Similar = Callable[[str, Sequence[str]], "np.ndarray"]
"""A text and some others → the cosine of each with it."""
_Asking = Generator[list[str], "np.ndarray", Attacked]


def run(
    texts: Sequence[str],
    answer: Callable[[list[tuple[int, str]]], np.ndarray],
    synonyms: Synonyms,
    options: Attack,
    similar: Similar | None = None,
) -> list[Attacked]:
    """Attack each of the texts. `answer` is asked about changed texts with the place of the original one in `texts`.

    `similar` is needed where `options.similarity` is given.
    """
    found: dict[int, Attacked] = {}
    attacks = {place: _attack(text, synonyms, options, similar) for place, text in enumerate(texts)}
    asked = {place: next(attack) for place, attack in attacks.items()}
    while asked:
        probabilities = answer([(place, text) for place, changed in asked.items() for text in changed])
        start, following = 0, {}
        for place, changed in asked.items():
            end = start + len(changed)
            try:
                following[place] = attacks[place].send(probabilities[start:end])
            except StopIteration as stop:
                found[place] = stop.value
            start = end
        asked = following
    return [found[place] for place in range(len(texts))]


def _attack(text: str, synonyms: Synonyms, options: Attack, similar: Similar | None) -> _Asking:
    """Yields texts, never none, and is sent their probabilities; returns what became of the text."""
    first = (yield [text])[0]
    queries, answer = 1, int(first.argmax())
    words = _replaceable(text, synonyms, options)
    # at most half of the budget goes into the ranking, so that something is left for replacements
    matches = list(words)[: options.budget // 2]
    ranked: list[re.Match[str]] = []
    if matches:
        without = yield [_replace(text, {match: ""}) for match in matches]
        queries += len(matches)
        importance = [_importance(first, rest, answer) for rest in without]
        ranked = [matches[place] for place in sorted(range(len(matches)), key=lambda place: -importance[place])]
    chosen: dict[re.Match[str], str] = {}
    probability, success = first[answer], False
    for match in ranked:
        tried = [(word, _replace(text, {**chosen, match: word})) for word in words[match]]
        if options.similarity is not None and similar is not None:
            cosines = similar(text, [changed for _, changed in tried])
            tried = [one for one, cosine in zip(tried, cosines, strict=True) if cosine >= options.similarity]
        tried = tried[: options.budget - queries]
        if not tried:
            continue
        answers = yield [changed for _, changed in tried]
        queries += len(tried)
        changes = answers.argmax(axis=1) != answer
        best = int((answers[:, answer] - changes).argmin())  # one that changes the answer comes first
        success = bool(changes[best])
        if success or answers[best, answer] < probability:
            chosen[match], probability = tried[best][0], answers[best, answer]
        if success:
            break
    return Attacked(success, len(text.split()), len(chosen), queries, _replace(text, chosen))


def _replaceable(text: str, synonyms: Synonyms, options: Attack) -> dict[re.Match[str], list[str]]:
    """The content words that have synonyms, in order, with those to try, in the word's case."""
    found = {}
    for match in content_words(text):
        words = [cased(word, match[0]) for word in synonyms(match[0].lower())[: options.candidates]]
        if words:
            found[match] = words
    return found


def _importance(whole: np.ndarray, without: np.ndarray, answer: int) -> float:
    """Equation 2 of the paper: what the answer loses, and where another one takes its place, what that one gains."""
    lost = float(whole[answer] - without[answer])
    other = int(without.argmax())
    return lost if other == answer else lost + float(without[other] - whole[other])


def _replace(text: str, words: dict[re.Match[str], str]) -> str:
    for match in sorted(words, key=lambda match: -match.start()):
        text = text[: match.start()] + words[match] + text[match.end() :]
    return text
