"""Which format a file has: guessed from its first lines, as `tuneproof prepare --inspect` shows it."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from tuneproof.errors import DataError
from tuneproof.prepare import encodings
from tuneproof.prepare.formats import CsvFormat
from tuneproof.prepare.sources.base import content_of
from tuneproof.prepare.sources.csv import quoted
from tuneproof.prepare.sources.spans import annotated, is_lines
from tuneproof.prepare.tags import PREFIXED

SAMPLE = 2000
"""Lines or records that are looked at."""

DELIMITERS = "\t,;|"
SEPARATORS = ("\t", "@", "|||", "::", ";", ",")
SPLITS = {"train": r"train", "validation": r"val|dev", "test": r"test"}
WORDS = re.compile(
    r"text|sentence|review|content|body|message|tweet|comment|utterance|query|question|title|label|class|category|"
    r"sentiment|target|intent|score|rating|stars?|polarity|tags?|tokens?|words?|id|index|premise|hypothesis|split|lang",
    re.IGNORECASE,
)
"""Words that stand in header lines."""

NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?([eE][-+]?\d+)?\s*")


def format_of(path: Path) -> dict[str, Any]:
    """The `format:` of a file, as params would declare it. Raises `DataError` in one line where none fits."""
    if path.is_dir():
        return {"kind": "folder"}
    content = content_of(path)
    if not content.strip():
        raise DataError(f"{path}: the file is empty")
    if content.startswith(b"PAR1"):
        return {"kind": "parquet"}
    if content.startswith(b"PK\x03\x04") and b"xl/w" in content:
        return {"kind": "excel"}
    encoding = encodings.found(path, content)
    text = content.decode(encoding).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    form = _json(path, text) or _conll(lines) or _labelled(lines) or _delimited(path, lines, encoding)
    if form is None:
        raise DataError(
            f"{path}: no format fits: neither JSON, nor CoNLL columns, nor delimited text with two columns or more; "
            "found one column of text without labels"
        )
    return {**form, "encoding": encoding}


# JSON


def _json(path: Path, text: str) -> dict[str, Any] | None:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    if is_lines(text) and text.strip().count("\n"):
        records = [_loaded(line) for line in text.split("\n")[:SAMPLE] if line.strip()]
        return {"kind": "spans" if _are_spans(records) else "jsonl"}
    whole = _loaded(text)
    if isinstance(whole, list):
        return {"kind": "spans" if _are_spans(whole[:SAMPLE]) else "json"}
    lists = {key: value for key, value in (whole or {}).items() if isinstance(value, list)}
    lists = {key: value for key, value in lists.items() if value and isinstance(value[0], dict | list)}
    if not lists:
        if whole is None and not text.lstrip().startswith("{"):
            return None  # text that starts with a bracket
        raise DataError(f"{path}: JSON without a list of objects or lists; allowed: rows in a list, or one a line")
    kind = "spans" if _are_spans(next(iter(lists.values()))[:SAMPLE]) else "json"
    if len(lists) == 1:
        return {"kind": kind}
    return {"kind": kind, "records": _by_split(list(lists)) or list(lists)}


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _are_spans(records: list[Any]) -> bool:
    """Whether most records are texts with character spans, and some span is there."""
    found = [annotated(record) for record in records]
    usable = [spans for spans in found if spans is not None]
    return len(usable) > 0.5 * len(records) and any(usable)


def _by_split(names: list[str]) -> dict[str, Any] | None:
    """Names of lists by the split that they tell; None where one tells none, or there is no train."""
    found: dict[str, list[str]] = {}
    for name in names:
        split = next((split for split, word in SPLITS.items() if re.search(word, name, re.IGNORECASE)), None)
        if split is None:
            return None
        found.setdefault(split, []).append(name)
    if "train" not in found:
        return None
    order = [split for split in SPLITS if split in found]
    return {split: found[split][0] if len(found[split]) == 1 else found[split] for split in order}


# CoNLL


def _conll(lines: list[str]) -> dict[str, Any] | None:
    """Columns of tokens and tags, sentences apart by blank lines."""
    used = [line for line in lines[: 10 * SAMPLE] if line.strip() and not line.startswith("-DOCSTART-")]
    blank = any(not line.strip() for line in "\n".join(lines[: 10 * SAMPLE]).strip().split("\n"))
    separator = "\t" if used and all("\t" in line for line in used) else None
    rows = [line.split(separator) if separator else line.split() for line in used]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    rows = [row for row in rows if len(row) == width]
    if width < 2 or len(rows) < 0.95 * len(used) or (width == 2 and not blank and len(rows) > 50):
        return None
    columns = [[row[number].strip() for row in rows] for number in range(width)]
    tagged = [number for number in range(width) if _are_tags(columns[number])]
    if not tagged:
        return None
    tag = tagged[-1]
    others = [number for number in range(width) if number != tag and not all(map(str.isdecimal, columns[number]))]
    token = max(others, key=lambda number: (len(set(columns[number])), -number), default=None)
    if token is None:
        return None
    form: dict[str, Any] = {"kind": "conll", "token": token, "tag": -1 if tag == width - 1 else tag}
    return {**form, "separator": separator} if separator else form


def _are_tags(values: list[str]) -> bool:
    """Whether a column holds O and tags with prefixes (or with O the most frequent of a few types)."""
    counts = Counter(values)
    outside = counts["O"]
    prefixed = sum(count for value, count in counts.items() if PREFIXED.fullmatch(value))
    if outside and prefixed and outside + prefixed >= 0.95 * len(values):
        return True
    few = len(counts) <= max(2, min(100, len(values) // 20))
    return outside > 0.4 * len(values) and len(counts) > 1 and few and not prefixed


# one text and its label


def _labelled(lines: list[str]) -> dict[str, Any] | None:
    """`label<TAB>text`, `text@label` and fastText's lines, without a header."""
    used = [line for line in lines[: SAMPLE + 1] if line.strip()][:SAMPLE]
    if used and all(line.startswith("__label__") for line in used):
        return {"kind": "lines", "separator": " ", "prefix": "__label__"}
    for separator in SEPARATORS:
        for place in ("last", "first"):
            cut = [line.rpartition(separator) if place == "last" else line.partition(separator) for line in used]
            cut = [parts for parts in cut if parts[1]]
            labels = [parts[2 if place == "last" else 0].strip() for parts in cut]
            texts = [parts[0 if place == "last" else 2] for parts in cut]
            if len(cut) >= 0.98 * len(used) and _are_labels(labels) and _are_texts(texts):
                if labels[0] not in labels[1:] and WORDS.search(used[0]):
                    return None  # a header line: a table
                if separator in DELIMITERS and not any(separator in text for text in texts):
                    return None  # two columns: a table as well
                if separator in DELIMITERS and sum(separator in text for text in texts) > 0.5 * len(texts):
                    return None  # more columns than two
                return {"kind": "lines", "separator": separator, "label": place}
    return None


def _are_labels(values: list[str]) -> bool:
    """A few short values, each of which occurs again and again."""
    distinct = set(values)
    return 2 <= len(distinct) <= max(2, len(values) // 4) and all(value and len(value) <= 40 for value in distinct)


def _are_texts(values: list[str]) -> bool:
    """Several words each, most of them different."""
    words = sum(len(value.split()) for value in values) / max(1, len(values))
    return words >= 2 and len(set(values)) > 0.5 * len(values)


# tables


def _delimited(path: Path, lines: list[str], encoding: str) -> dict[str, Any] | None:
    """The delimiter that gives most lines the same number of columns, two or more."""
    best: tuple[float, dict[str, Any]] | None = None
    for delimiter in DELIMITERS:
        form = CsvFormat(kind="csv", delimiter=delimiter, encoding=encoding)
        quoting = quoted(path, form)
        rows = _rows(lines, delimiter, quoting=quoting)
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        share = count / max(1, len(rows))
        if width < 2 or share < 0.6 or (best and share <= best[0]):
            continue
        found: dict[str, Any] = {"kind": "csv", "delimiter": delimiter}
        if '"' in "".join(lines):
            found["quoting"] = quoting
        if not _has_header(rows):
            found["columns"] = [f"column_{number}" for number in range(1, max(map(len, rows)) + 1)]
        best = (share, found)
    if best is None:
        return None
    if "columns" in best[1]:  # rows behind the sample may be longer
        rows = _rows(lines, best[1]["delimiter"], quoting=best[1].get("quoting", False), limit=len(lines))
        usual = Counter(map(len, rows))
        width = max(size for size, count in usual.items() if count >= max(2, 0.001 * len(rows)))
        best[1]["columns"] = [f"column_{number}" for number in range(1, width + 1)]
    return best[1]


def _rows(lines: list[str], delimiter: str, *, quoting: bool, limit: int = SAMPLE) -> list[list[str]]:
    if not quoting:
        return [line.split(delimiter) for line in lines[:limit] if line]
    rows: list[list[str]] = []
    try:
        for row in csv.reader((line + "\n" for line in lines), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) >= limit:
                break
    except csv.Error:  # a field of more than the limit's characters
        return rows
    return rows


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: short, different, no numbers, and not values that come again."""
    first, rest = rows[0], rows[1:]
    names = [cell.strip() for cell in first]
    if not all(names[1:]) or len(set(names)) < len(names) or any(NUMBER.fullmatch(name) for name in names):
        return False
    if any(len(name) > 40 or len(name.split()) > 4 for name in names):
        return False
    if any(WORDS.fullmatch(name) for name in names):
        return True
    columns = [{row[number].strip() for row in rest if number < len(row)} for number in range(len(names))]
    if any(name in column for name, column in zip(names, columns, strict=True)):
        return False
    return any(WORDS.search(name) for name in names) or any(
        column and all(NUMBER.fullmatch(value) for value in column if value) for column in columns
    )
