"""What readers give: rows and removed rows, each with its place in a file; and the lines of a text file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof.errors import DataError
from tuneproof.prepare import encodings


class Place(NamedTuple):
    """Where a row starts. Lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read: column name → value. A column that the row lacks is not a key."""

    place: Place
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """A row that cannot be used, and why."""

    place: Place
    reason: str


def lines(path: Path, encoding: str) -> list[str]:
    """Lines of a text file without their ends (LF, CRLF or CR) and without a byte order mark.

    Raises `DataError` where the file is missing, or is not in the encoding: file, line and byte.
    """
    found = _split(text(path, encoding))
    return found[:-1] if found[-1] == "" else found


def text(path: Path, encoding: str) -> str:
    """A file's text without a byte order mark, its line ends as they are. Raises `DataError` as `lines` does."""
    content = content_of(path)
    if encoding == encodings.AUTO:
        encoding = encodings.found(path, content)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, errors="replace")
        line = len(_split(before))
        shown = content[error.start : error.start + 1].hex()
        raise DataError(f"{path}:{line}: byte 0x{shown} is not {encoding}; set `encoding` to the file's own") from None
    except (LookupError, ValueError):  # unknown, or no encoding of text
        raise DataError(f"{path}: unknown encoding {encoding!r}; allowed: utf-8, latin-1, … (Python's names)") from None


def content_of(path: Path) -> bytes:
    """A file's bytes. Raises `DataError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); run `make fetch`, or correct the path") from None


def _split(text: str) -> list[str]:
    """Split at the ends that editors know; `str.splitlines` would also split at characters like U+2028."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")
