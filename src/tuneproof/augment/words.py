"""Words of a text as white space parts them, and slips in single words: what shifts and noise share."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache

Change = Callable[[str, random.Random], str | None]
"""A word → another one without white space; None where this word cannot be changed."""

CHUNK = re.compile(r"\S+")
CORE = re.compile(r"^[\"'“‘(\[]*([A-Za-z]{3,})\W*$")
"""A plain word of three letters or more, with marks around it: no handle, hashtag, address, number or contraction."""
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def change_text(text: str, change: Change, share: float, rng: random.Random) -> str:
    """`change_some` for a text; white space stays as it is."""
    changed = iter(change_some(CHUNK.findall(text), change, share, rng))
    return CHUNK.sub(lambda _: next(changed), text)


def change_some(words: list[str], change: Change, share: float, rng: random.Random) -> list[str]:
    """The words after a share of them, at least one, was changed; fewer where fewer can be."""
    wanted = max(1, round(share * len(words)))
    found = list(words)
    for place in rng.sample(range(len(words)), len(words)):
        word = change(words[place], rng)
        if word is None or word == words[place]:
            continue
        found[place] = word
        wanted -= 1
        if not wanted:
            break
    return found


@cache
def neighbours() -> dict[str, str]:
    """Letter → the letters beside it in its row of a QWERTY keyboard, and those above and below."""
    found = {}
    for row, keys in enumerate(KEYBOARD):
        for place, key in enumerate(keys):
            beside = [keys[other] for other in (place - 1, place + 1) if 0 <= other < len(keys)]
            # each row stands half a key right of the one above it
            above = KEYBOARD[row - 1][place : place + 2] if row else ""
            below = KEYBOARD[row + 1][max(0, place - 1) : place + 1] if row + 1 < len(KEYBOARD) else ""
            found[key] = "".join([*beside, *above, *below])
    return found


def slip(word: str, rng: random.Random) -> str | None:
    """One letter of a plain word gives way to a neighbour on the keyboard."""
    core = CORE.match(word)
    if core is None:
        return None
    place = rng.randrange(core.start(1), core.end(1))
    letter = rng.choice(neighbours()[word[place].lower()])
    return word[:place] + cased(letter, word[place]) + word[place + 1 :]


def cased(word: str, like: str) -> str:
    """The word in the case of another one: lower, UPPER or Capitalised."""
    if like.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word
