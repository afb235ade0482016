"""Augmentation samples with what changed marked, word by word."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tuneproof.report.results import Results

SHOWN = 8
"""Samples of each augmentation."""


class Piece(NamedTuple):
    """Some words, and whether they are the `same`, were taken away (`del`) or put in (`ins`)."""

    kind: str
    text: str


def found(dataset: str, names: list[str], results: Results) -> list[dict[str, Any]]:
    """What the template shows of each augmentation of a data set whose card is there."""
    made = []
    for name in names:
        card = results.json("augment", dataset, name, "card.json")
        if card is not None:
            samples = [changes(sample["before"], sample["after"]) for sample in card.get("samples", [])[:SHOWN]]
            made.append({"name": name, "card": card, "samples": samples})
    return made


def changes(before: str, after: str) -> list[Piece]:
    """Both texts as one, in pieces; taken together without `ins` they are the first, without `del` the second."""
    old, new = before.split(), after.split()
    pieces: list[Piece] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", " ".join(old[i:j])))
            continue
        pieces += [Piece(tag, " ".join(words)) for tag, words in (("del", old[i:j]), ("ins", new[k:m])) if words]
    return pieces
