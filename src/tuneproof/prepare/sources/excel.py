"""Excel workbooks (.xlsx): a sheet with column names in its first row. Formulas count as their last stored values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from tuneproof.errors import DataError
from tuneproof.prepare.formats import ExcelFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, content_of


def read(path: Path, form: ExcelFormat) -> Iterator[Row | Removed]:
    """Rows, at their numbers in the sheet; those without any value are none. Raises `DataError` for a broken file."""
    names = form.columns
    for number, values in _cells(path, form.sheet):
        filled = [place for place, value in enumerate(values) if value is not None]
        if not filled:
            continue
        if names is None:
            names = _header(path, number, values[: filled[-1] + 1])
        elif filled[-1] >= len(names):
            yield Removed(Place(path.name, number), f"{filled[-1] + 1} columns instead of {len(names)}")
        else:
            yield Row(Place(path.name, number), dict(zip(names, map(_plain, values), strict=False)))


def _cells(path: Path, sheet: str | None) -> Iterator[tuple[int, list[Any]]]:
    """Number and values of each row of a sheet."""
    content_of(path)
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise DataError(f"{path}: needs the library openpyxl; run: pip install 'tuneproof[excel]'") from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable Excel workbook ({reason}); allowed: .xlsx") from None
    try:
        if sheet is None and len(book.sheetnames) != 1:
            raise DataError(f"{path}: found {len(book.sheetnames)} sheets; set format.sheet: {_named(book)}")
        if sheet is not None and sheet not in book.sheetnames:
            raise DataError(f"{path}: no sheet {sheet!r}; allowed: {_named(book)}")
        rows = book[sheet or book.sheetnames[0]].iter_rows(values_only=True)
        yield from ((number, list(values)) for number, values in enumerate(rows, start=1))
    finally:
        book.close()


def _named(book: Any) -> str:
    return ", ".join(map(repr, book.sheetnames))


def _header(path: Path, number: int, values: list[Any]) -> tuple[str, ...]:
    """Column names of the first row, each once."""
    names = tuple("" if value is None else str(value).strip() for value in values)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}:{number}: column {repeated[0]!r} stands twice in the header; allowed: each name once")
    return names


def _plain(value: Any) -> Any:
    """Dates as ISO 8601, whole numbers without a decimal point; the rest as it is."""
    if isinstance(value, date | time):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value
