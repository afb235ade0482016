"""Tag schemes of named entities: everything becomes strict IOB2, where each entity starts with B-.

IOB1 writes B- only between two touching entities of one type (Ramshaw & Marcus 1995). BMES, also spelled BIOES or
BILOU, marks the end (E or L) and entities of one token (S or U) as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from tuneproof.prepare.formats import Scheme

STARTS = frozenset("BSU")
INSIDE = frozenset("IMEL")
CLOSES = frozenset("ELSU")
PREFIXES = {"iob2": frozenset("BI"), "iob1": frozenset("BI"), "bmes": STARTS | INSIDE, "bioes": STARTS | INSIDE}
PREFIXED = re.compile(r"([BIMESLU])-(.+)", re.DOTALL)
RARE = 0.01
"""Below this share of the tags of entities, prefixes of BIOES are mistakes in a file of IOB."""


def detect(sentences: Iterable[list[str]]) -> Scheme:
    """The scheme that a file's tags follow; IOB2 where nothing speaks against it.

    E, S, M, L or U: BIOES. No B at all, or types without prefixes: IO. A B- behind an entity of its own type alone,
    and other entities that start with I-: IOB1.
    """
    plain = prefixed = other = begun = inside_starts = between = others = 0
    for tags in sentences:
        for before, tag in pairwise(["O", *tags]):
            if tag == "O":
                others += 1
                continue
            match = PREFIXED.fullmatch(tag)
            if match is None:
                plain += 1
                continue
            prefixed += 1
            follows = before[0] in "BI" and before[1:] == f"-{match[2]}"
            if match[1] == "B":
                begun += 1
                between += follows
            elif match[1] == "I":
                inside_starts += not follows
            else:
                other += 1
    if plain > prefixed and others:
        return "io"
    if other > RARE * prefixed:
        return "bioes"
    if prefixed and not begun:
        return "io"
    return "iob1" if begun and between == begun and inside_starts else "iob2"


def is_tag(tag: str, scheme: Scheme) -> bool:
    """Whether a tag is O, or a prefix of the scheme with a type, as in `B-person`; in IO a type alone will do."""
    if tag == "O":
        return True
    match = PREFIXED.fullmatch(tag)
    if scheme == "io":
        return bool(tag) and tag[-1] != "-" and (match is None or match[1] == "I")
    return match is not None and match[1] in PREFIXES[scheme]


def to_iob2(tags: list[str], scheme: Scheme = "iob2") -> tuple[list[str], int]:
    """Strict IOB2 for one sentence, and how many tags had to be repaired.

    A tag that goes on (I, M, E) where no entity of its type is open becomes B-; that is a repair, but in IOB1 and IO,
    where it is the rule. Raises ValueError for a tag outside the scheme.
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
        match = PREFIXED.fullmatch(tag)
        prefix, kind = (match[1], match[2]) if match else ("I", tag)
        starts = prefix in STARTS or kind != open_kind
        repaired += starts and prefix not in STARTS and scheme not in ("iob1", "io")
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
