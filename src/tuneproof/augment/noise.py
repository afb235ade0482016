"""Noise of keyboards, scanners and hasty hands in single words; the number of words stays, and so do tags.

Keyboard slips and letter errors as in Belinkov & Bisk 2018; what a scanner takes for what is a table here: letters,
digits and pairs of letters whose shapes are alike.
"""

from __future__ import annotations

import random
from typing import Any, ClassVar, Literal

from pydantic import Field

from tuneproof.augment.base import RowTechnique
from tuneproof.augment.words import CORE, Change, cased, change_some, change_text, neighbours, slip

ALIKE = (
    ("0", "O"), ("0", "o"), ("1", "l"), ("1", "I"), ("l", "I"), ("i", "l"), ("2", "Z"), ("5", "S"), ("6", "b"),
    ("8", "B"), ("9", "g"), ("c", "e"), ("h", "b"), ("u", "v"), ("rn", "m"), ("cl", "d"), ("vv", "w"), ("nn", "m"),
    ("ri", "n"), ("li", "h"),
)  # fmt: skip
"""What looks alike; a scanner takes either for the other."""
CONFUSED = (*ALIKE, *((other, one) for one, other in ALIKE))
ADDRESSES = ("@", "#", "http", "www.")
"""Beginnings of handles, hashtags and addresses, which stay."""


class Noise(RowTechnique):
    """Options of noise."""

    idea: ClassVar[str] = "Puts keyboard slips, scanner errors or letter errors into some words."
    paper: ClassVar[str] = (
        "Belinkov & Bisk 2018, Synthetic and Natural Noise Both Break Neural Machine Translation, ICLR"
    )
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "ner")

    kind: Literal["keyboard", "ocr", "typo"] = Field(
        "keyboard",
        description="keyboard: a neighbouring key; ocr: a shape that looks alike; typo: letters swapped, dropped or "
        "inserted.",
    )
    rate: float = Field(0.1, gt=0, le=1, description="Share of the words that is changed, at least one.")

    def change(self, row: dict[str, Any], shared: None, rng: random.Random) -> dict[str, Any] | None:
        """One error in each chosen word; None where no word can have one."""
        column = "tokens" if "tokens" in row else "text"
        before = row[column]
        change = KINDS[self.kind]
        after = (change_some if column == "tokens" else change_text)(before, change, self.rate, rng)
        return None if after == before else {**row, column: after}


def confused(word: str, rng: random.Random) -> str | None:
    """A part of a word gives way to one of the same shape."""
    if word.startswith(ADDRESSES):
        return None
    found = [
        (place, one, other) for one, other in CONFUSED for place in range(len(word)) if word.startswith(one, place)
    ]
    if not found:
        return None
    place, one, other = rng.choice(found)
    return word[:place] + other + word[place + len(one) :]


def mistyped(word: str, rng: random.Random) -> str | None:
    """Two letters of a plain word change places, one is dropped, or one comes in; its first letter stays.

    What comes in is the letter before it once more, or a neighbour of that on the keyboard.
    """
    core = CORE.match(word)
    if core is None:
        return None
    first, end = core.start(1) + 1, core.end(1)
    kind = rng.choice(("swap", "drop", "insert"))
    pairs = [place for place in range(first, end - 1) if word[place] != word[place + 1]]
    if kind == "swap" and pairs:
        place = rng.choice(pairs)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    place = rng.randrange(first, end)
    if kind == "insert":
        letter = cased(rng.choice(word[place].lower() + neighbours()[word[place].lower()]), word[place])
        return word[: place + 1] + letter + word[place + 1 :]
    return word[:place] + word[place + 1 :]


KINDS: dict[str, Change] = {"keyboard": slip, "ocr": confused, "typo": mistyped}
