"""Words of a text with their places: the tokens that character spans are put on."""

from __future__ import annotations

import re
from itertools import pairwise

SINGLE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana and Han characters, which stand without spaces: each is a word."""

WORD = re.compile(rf"[{SINGLE}]|[^\W{SINGLE}]+|[^\w\s]")


def words(text: str, cuts: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
    """Start and end of each word, number or punctuation character. No word lies across a cut.

    White space is between words and belongs to none.
    """
    found: list[tuple[int, int]] = []
    for match in WORD.finditer(text):
        start, end = match.span()
        inside = sorted(cut for cut in cuts if start < cut < end) if end - start > 1 else []
        edges = [start, *inside, end]
        found += pairwise(edges)
    return found


def tagged(text: str, spans: list[tuple[int, int, str]]) -> tuple[list[str], list[str]]:
    """Words of a text, and IOB2 tags for character spans (start, one past the end, type) that do not overlap."""
    places = words(text, frozenset(edge for start, end, _ in spans for edge in (start, end)))
    tags = ["O"] * len(places)
    for start, end, kind in spans:
        within = [number for number, (first, _) in enumerate(places) if start <= first < end]
        for number in within:
            tags[number] = f"{'B' if number == within[0] else 'I'}-{kind}"
    return [text[start:end] for start, end in places], tags
