"""CoNLL columns: one token a line, sentences apart by lines of white space alone.

Rows have the columns `tokens` and `tags`, the tags as the file spells them. `-DOCSTART-` lines mark documents and are
not tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tuneproof.prepare.formats import ConllFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines
from tuneproof.prepare.tags import is_tag
from tuneproof.prepare.words import SINGLE

DOCUMENT = "-DOCSTART-"
INDEXED = re.compile(rf"([{SINGLE}])\d{{1,3}}|([^\w\s]|[^\W_])0")
HAN = re.compile(rf"[{SINGLE}]\d{{1,3}}")
"""A character of a Chinese word and its place; punctuation and letters stand alone."""


def read(path: Path, form: ConllFormat) -> Iterator[Row | Removed]:
    """One row a sentence, at the place of its first line.

    A sentence with a line that lacks a column, or with a tag outside the declared scheme, is removed at that line.
    """
    for sentence in _sentences(path, form.encoding):
        row = _row(path, form, sentence)
        if form.token_index and isinstance(row, Row):
            row = _without_index(row)
        yield row


def indexed(sentences: Iterable[list[str]]) -> bool:
    """Whether all tokens are one character and its number in the word: 科0 技1. Some must be numbered above 0."""
    above = 0
    for tokens in sentences:
        for token in tokens:
            if INDEXED.fullmatch(token) is None:
                return False
            above += HAN.fullmatch(token) is not None and token[1:] != "0"
    return above > 0


def _without_index(row: Row) -> Row | Removed:
    tokens = row.values["tokens"]
    wrong = [number for number, token in enumerate(tokens) if INDEXED.fullmatch(token) is None]
    if wrong:
        return Removed(Place(row.place.file, row.place.line + wrong[0]), "a token without its number")
    return Row(row.place, {**row.values, "tokens": [token[0] for token in tokens]})


def _sentences(path: Path, encoding: str) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are not blank, with their numbers."""
    sentence: list[tuple[int, str]] = []
    for number, line in enumerate(lines(path, encoding), start=1):
        if line.strip() and not line.startswith(DOCUMENT):
            sentence.append((number, line))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _row(path: Path, form: ConllFormat, sentence: list[tuple[int, str]]) -> Row | Removed:
    tokens, tags = [], []
    for number, line in sentence:
        # Tabs and spaces only: other white space, like a no-break space in a tweet, belongs to the token.
        fields = line.split(form.separator) if form.separator else re.split(r"[ \t]+", line.strip(" \t"))
        columns = range(-len(fields), len(fields))
        if len(fields) == 1 or form.token not in columns or form.tag not in columns:
            return Removed(Place(path.name, number), f"a line with {len(fields)} column{'s'[: len(fields) > 1]}")
        token, tag = fields[form.token], fields[form.tag].strip()
        if form.scheme != "auto" and not is_tag(tag, form.scheme):
            return Removed(Place(path.name, number), f"a tag outside {form.scheme}")
        tokens.append(token)
        tags.append(tag)
    return Row(Place(path.name, sentence[0][0]), {"tokens": tokens, "tags": tags})
