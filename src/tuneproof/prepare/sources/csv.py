"""Delimited text: CSV, TSV and the like.

With `quoting: false` quote characters are ordinary text and each line is a row. A row may end early, as long as no
column that is used is missing; a row with more columns than there are names is removed, for its text may be cut.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from tuneproof.errors import DataError
from tuneproof.prepare.formats import CsvFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines, text

FIELD_LIMIT = 100_000_000
"""Characters; where a quote is never closed, the rest of the file is one field."""


def read(path: Path, form: CsvFormat) -> Iterator[Row | Removed]:
    """Rows with one string a column. Raises `DataError` for a broken header or a wrong encoding."""
    quoting = quoted(path, form) if form.quoting is None else form.quoting
    records = _quoted(path, form) if quoting else _plain(path, form)
    names = form.columns
    for line, fields in records:
        if names is None:
            names = _header(path, line, fields)
            continue
        place = Place(path.name, line)
        if isinstance(fields, str):
            yield Removed(place, fields)
        elif len(fields) > len(names):
            yield Removed(place, f"{len(fields)} columns instead of {len(names)}")
        else:
            yield Row(place, dict(zip(names, fields, strict=False)))


def quoted(path: Path, form: CsvFormat) -> bool:
    """Whether quote characters of a file quote: false where more lines break the rules of quoting than keep them.

    A field is quoted well where quotes stand at both its ends and are doubled within it (RFC 4180).
    """
    content = text(path, form.encoding)
    if '"' not in content:
        return True
    edge = re.escape(form.delimiter)
    rest, well = re.subn(rf'(?:^|(?<={edge}))"(?:[^"]|"")*"(?={edge}|[\r\n]|\Z)', "", content, flags=re.MULTILINE)
    return sum('"' in line for line in rest.split("\n")) <= well


def _plain(path: Path, form: CsvFormat) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and fields of each line that is not empty."""
    for number, line in enumerate(lines(path, form.encoding), start=1):
        if line:
            yield number, line.split(form.delimiter)


def _quoted(path: Path, form: CsvFormat) -> Iterator[tuple[int, list[str] | str]]:
    """First line and fields of each record, or the reason why it cannot be read. Quoted fields may span lines.

    `strict` because a forgiving reader swallows rows without a word where a quote is not closed. Behind a line whose
    quoting is broken, reading goes on with the next line, so that no row is lost with it.
    """
    csv.field_size_limit(FIELD_LIMIT)
    content = lines(path, form.encoding)
    start = 0
    while start < len(content):
        broken = start
        reader = csv.reader(_fed(content, start), delimiter=form.delimiter, quotechar='"', strict=True)
        try:
            for fields in reader:
                if fields:
                    yield broken + 1, fields
                broken = start + reader.line_num
            return
        except csv.Error as error:
            yield broken + 1, f"broken quoting ({error}); where quotes are plain text, set quoting: false"
            start = broken + 1


def _fed(content: list[str], start: int) -> Iterator[str]:
    for number in range(start, len(content)):
        yield content[number] + "\n"


def _header(path: Path, line: int, fields: list[str] | str) -> tuple[str, ...]:
    """Column names of the header line, each once."""
    if isinstance(fields, str):
        raise DataError(f"{path}:{line}: the header line has {fields}")
    names = tuple(field.strip() for field in fields)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}:{line}: column {repeated[0]!r} stands twice in the header; allowed: each name once")
    return names
