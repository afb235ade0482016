"""CoNLL columns: one token a line, sentences apart by lines of white space alone.

Rows have the columns `tokens` and `tags`, the tags as the file spells them. `-DOCSTART-` lines mark documents and are
not tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tuneproof.params import ConllFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines
from tuneproof.prepare.tags import is_tag

DOCUMENT = "-DOCSTART-"


def read(path: Path, form: ConllFormat) -> Iterator[Row | Removed]:
    """One row a sentence, at the place of its first line.

    A sentence with a line that lacks a column, or with a tag outside the scheme, is removed at that line.
    """
    for sentence in _sentences(path, form.encoding):
        yield _row(path, form, sentence)


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
        if not is_tag(tag, form.scheme):
            return Removed(Place(path.name, number), f"a tag outside {form.scheme}")
        tokens.append(token)
        tags.append(tag)
    return Row(Place(path.name, sentence[0][0]), {"tokens": tokens, "tags": tags})
