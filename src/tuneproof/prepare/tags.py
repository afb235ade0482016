"""Tag schemes of named entities: everything becomes strict IOB2, where each entity starts with B-.

IOB1 writes B- only between two touching entities of one type (Ramshaw & Marcus 1995). BMES, also spelled BIOES or
BILOU, marks the end (E or L) and entities of one token (S or U) as well.
"""

from __future__ import annotations

from typing import Literal

Scheme = Literal["iob2", "iob1", "bmes"]

STARTS = frozenset("BSU")
INSIDE = frozenset("IMEL")
CLOSES = frozenset("ELSU")
PREFIXES = {"iob2": frozenset("BI"), "iob1": frozenset("BI"), "bmes": STARTS | INSIDE}


def is_tag(tag: str, scheme: Scheme) -> bool:
    """Whether a tag is O, or a prefix of the scheme with a type, as in `B-person`."""
    prefix, dash, kind = tag.partition("-")
    return tag == "O" or bool(dash and kind and prefix in PREFIXES[scheme])


def to_iob2(tags: list[str], scheme: Scheme = "iob2") -> tuple[list[str], int]:
    """Strict IOB2 for one sentence, and how many tags had to be repaired.

    A tag that goes on (I, M, E) where no entity of its type is open becomes B-; that is a repair, but in IOB1, where
    it is the rule. Raises ValueError for a tag outside the scheme.
    """
    result, repaired = [], 0
    open_kind = None
    for tag in tags:
        if not is_tag(tag, scheme):
            raise ValueError(f"tag {tag!r} is outside {scheme}")
        if tag == "O":
            result.append(tag)
            open_kind = None
            continue
        prefix, _, kind = tag.partition("-")
        starts = prefix in STARTS or kind != open_kind
        repaired += starts and prefix not in STARTS and scheme != "iob1"
        result.append(f"{'B' if starts else 'I'}-{kind}")
        open_kind = None if prefix in CLOSES else kind
    return result, repaired


def spans(tags: list[str]) -> list[tuple[int, int, str]]:
    """Entities of a strict IOB2 sentence: first token, one past the last token, type."""
    found: list[tuple[int, int, str]] = []
    for position, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if prefix == "B":
            found.append((position, position + 1, kind))
        elif prefix == "I":
            start, _, _ = found[-1]
            found[-1] = (start, position + 1, kind)
    return found
