"""Delimited text: CSV, TSV and the like.

With `quoting: false` quote characters are ordinary text and each line is a row. A row may end early, as long as no
column that is used is missing; a row with more columns than there are names is removed, for its text may be cut.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tuneproof.errors import DataError
from tuneproof.params import CsvFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines

FIELD_LIMIT = 100_000_000
"""Characters; where a quote is never closed, the rest of the file is one field."""


def read(path: Path, form: CsvFormat) -> Iterator[Row | Removed]:
    """Rows with one string a column. Raises `DataError` for a broken header or a wrong encoding."""
    records = _quoted(path, form) if form.quoting else _plain(path, form)
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


def _plain(path: Path, form: CsvFormat) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and fields of each line that is not empty."""
    for number, line in enumerate(lines(path, form.encoding), start=1):
        if line:
            yield number, line.split(form.delimiter)


def _quoted(path: Path, form: CsvFormat) -> Iterator[tuple[int, list[str] | str]]:
    """First line and fields of each record, or the reason why it cannot be read. Quoted fields may span lines.

    `strict` because a forgiving reader swallows rows without a word where a quote is not closed.
    """
    csv.field_size_limit(FIELD_LIMIT)
    reader = csv.reader(
        (line + "\n" for line in lines(path, form.encoding)), delimiter=form.delimiter, quotechar='"', strict=True
    )
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, f"broken quoting ({error}); where quotes are plain text, set quoting: false"
            continue
        if fields:
            yield first, fields


def _header(path: Path, line: int, fields: list[str] | str) -> tuple[str, ...]:
    """Column names of the header line, each once."""
    if isinstance(fields, str):
        raise DataError(f"{path}:{line}: the header line has {fields}")
    names = tuple(field.strip() for field in fields)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}:{line}: column {repeated[0]!r} stands twice in the header; allowed: each name once")
    return names
