"""Rewrites: shifts that change whole texts, all together. One function each; one line in `REWRITES`.

Params name them as they name a shift of single words (shifts.py), but none is asked for unless it is named. The number
of words may change, so that tagged sentences have no rewrites.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.augment import apertium
from tuneproof.challenge.shifts import SHIFTS

if TYPE_CHECKING:
    from tuneproof.challenge.predictor import Text

THERE, BACK = "eng-spa", "spa-eng"


class Rewrite(NamedTuple):
    """How texts are written anew."""

    change: Callable[[list[str]], list[str]]
    """Texts → as many texts."""
    idea: str
    unavailable: Callable[[], str | None]
    """Why it cannot be made on this machine, or None."""


def rewritten(name: str, texts: Sequence[Text], strength: float, *, keys: Sequence[str]) -> list[Text]:
    """The texts after a rewrite; of a pair, both.

    `strength` in (0, 1]: the share of the texts that is rewritten; which ones, their keys (ids of rows) decide. Raises
    KeyError for an unknown name, `MethodError` where a program that it needs is missing, ValueError for sentences.
    """
    chosen = [random.Random(f"{name}:{key}").random() < strength for key in keys]
    plain = [text for texts_of_row, taken in zip(texts, chosen, strict=True) if taken for text in _texts(texts_of_row)]
    new = iter(REWRITES[name].change(plain))
    found: list[Text] = []
    for text, taken in zip(texts, chosen, strict=True):
        if not taken:
            found.append(text)
        elif isinstance(text, tuple):
            found.append((next(new), next(new)))
        else:
            found.append(next(new))
    return found


def unavailable(name: str, task: str) -> str | None:
    """Why a shift or rewrite cannot be made for a task on this machine, or None."""
    if name in SHIFTS:
        return SHIFTS[name].unavailable()
    if task == "ner":
        return f"{name} changes the number of words, so that the tags of ner would not fit"
    return REWRITES[name].unavailable()


def _texts(text: Text) -> tuple[str, ...]:
    if isinstance(text, str):
        return (text,)
    if isinstance(text, tuple):
        return text
    raise ValueError("sentences with tags have no rewrites")


def _back_translation(texts: list[str]) -> list[str]:
    """Into Spanish and back. What comes back empty, or as it was but for white space, stays."""
    new = apertium.translate(apertium.translate(texts, THERE), BACK)
    return [text if not back or back == " ".join(text.split()) else back for text, back in zip(texts, new, strict=True)]


REWRITES = {
    "back-translation": Rewrite(
        _back_translation,
        "Into Spanish and back by Apertium's rules: other words and another order, much of the meaning kept.",
        lambda: apertium.unavailable((THERE, BACK)),
    ),
}
"""Name → rewrite. One that is added here can be named in `evaluation.challenge.shifts`."""
