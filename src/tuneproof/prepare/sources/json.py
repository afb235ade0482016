"""A JSON file with a list of rows somewhere in it. Rows know the line that they start in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof.errors import DataError
from tuneproof.prepare.formats import JsonFormat, SpansFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, text

DECODER = json.JSONDecoder()
SPACE = re.compile(r"[ \t\r\n]*")


def read(path: Path, form: JsonFormat) -> Iterator[Row | Removed]:
    """Rows; a list is a row with the columns `0`, `1`, …. Raises `DataError` where the file is not JSON."""
    for place, value in records(path, form):
        if isinstance(value, list):
            value = {str(number): item for number, item in enumerate(value)}
        yield Row(place, value) if isinstance(value, dict) else Removed(place, "not a JSON object or list")


def records(path: Path, form: JsonFormat | SpansFormat) -> Iterator[tuple[Place, Any]]:
    """Place and value of each entry of the lists that `form.records` names."""
    content = text(path, form.encoding)
    whole = _whole(path, content)
    named = form.records
    if isinstance(named, dict):
        raise DataError(f"{path}: found records for each split; allowed: one file for all of them in source.path")
    wanted = [_only_list(path, whole)] if named is None else [named] if isinstance(named, str) else list(named)
    for name in wanted:
        parts = [part for part in name.split(".") if part]
        if not isinstance(reach(whole, parts), list):
            raise DataError(f"{path}: records: no list at {name!r}; lists found: {', '.join(_lists(whole)) or 'none'}")
        line, last = 1, 0
        for start, value in _elements(content, parts):
            line, last = line + content.count("\n", last, start), start
            yield Place(path.name, line), value


def reach(value: Any, parts: list[str]) -> Any:
    """What lies at a path of keys and list positions; None where the path ends early."""
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _whole(path: Path, content: str) -> Any:
    try:
        return DECODER.decode(content)
    except json.JSONDecodeError as error:
        lines = "; one object a line is format.kind jsonl" if error.msg == "Extra data" else ""
        raise DataError(f"{path}:{error.lineno}: not valid JSON ({error.msg}){lines}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or nested deeper than can be followed
        raise DataError(f"{path}: not valid JSON (nested too deeply, or a number too long)") from None


def _lists(whole: Any) -> list[str]:
    """Keys of an object that hold lists."""
    return [key for key, value in whole.items() if isinstance(value, list)] if isinstance(whole, dict) else []


def _only_list(path: Path, whole: Any) -> str:
    """Where the rows stand if nobody says: at the top, or in the only list of objects or lists below it."""
    if isinstance(whole, list):
        return ""
    full = [name for name in _lists(whole) if any(isinstance(item, dict | list) for item in whole[name])]
    if len(full) == 1:
        return full[0]
    raise DataError(f"{path}: where are the rows? set format.records to one or more of: {', '.join(full) or 'none'}")


def _elements(content: str, parts: list[str]) -> Iterator[tuple[int, Any]]:
    """Offset and value of each entry of the list at a path, in valid JSON that has a list there."""
    start = _skip(content, 0)
    for part in parts:
        # Of equal keys the last one counts, as everywhere in JSON.
        start = [place for key, place in _entries(content, start) if key == part][-1]
    for _, place in _entries(content, start):
        yield place, DECODER.raw_decode(content, place)[0]


def _entries(content: str, start: int) -> Iterator[tuple[str, int]]:
    """Key (of a list: the position) and offset of each value of the list or object that starts here."""
    is_list = content[start] == "["
    place = _skip(content, start + 1)
    number = 0
    while content[place] not in "]}":
        key = str(number)
        if not is_list:
            key, end = DECODER.raw_decode(content, place)
            place = _skip(content, _skip(content, end) + 1)  # behind the colon
        yield key, place
        place = _skip(content, DECODER.raw_decode(content, place)[1])
        if content[place] == ",":
            place = _skip(content, place + 1)
        number += 1


def _skip(content: str, place: int) -> int:
    """The offset behind white space."""
    match = SPACE.match(content, place)
    assert match is not None, "the expression matches the empty text"
    return match.end()
