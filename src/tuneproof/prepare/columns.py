"""What the columns of a file hold, and which of them are the text and the label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from tuneproof.prepare.clean import value_at
from tuneproof.prepare.sources.base import Row
from tuneproof.prepare.tags import PREFIXED

LABELS = (
    *("label", "labels", "class", "category", "sentiment", "intent", "target", "gold_label", "gold", "y", "polarity"),
    *("score", "similarity", "rating", "stars", "topic", "emotion", "tag", "tags", "ner_tags"),
)
TEXTS = (
    *("text", "sentence", "review", "content", "body", "message", "tweet", "comment", "utterance", "query", "question"),
    *("tokens", "words", "sentence1", "premise", "question1", "text_a", "title"),
)
PAIRS = (
    *(("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text_a", "text_b")),
    *(("text1", "text2"), ("sentence_a", "sentence_b"), ("first", "second"), ("one", "two"), ("query", "document")),
)
DEPTH = 4
SAMPLE = 20_000
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


class Column(NamedTuple):
    """A column as found: `kind` is text, number, list or other; words are the mean number in a value."""

    name: str
    kind: str
    filled: int
    distinct: int
    words: float
    decimal: bool
    tags: bool

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "words": round(self.words, 2)}


class Roles(NamedTuple):
    """Which columns are what; `candidates` are those that may be the label, the likeliest first."""

    task: str
    text: str | None
    text_pair: str | None
    label: str | None
    candidates: list[str]


def look(rows: Sequence[Row]) -> list[Column]:
    """Columns of the rows; nested values are columns of their own, as in `meta.label`."""
    rows = rows[:SAMPLE]
    names: dict[str, None] = {}
    for row in rows[:200]:
        for name, value in row.values.items():
            names |= dict.fromkeys(_paths(name, value, 1))
    return [_column(name, [value_at(row.values, name) for row in rows]) for name in names]


def _paths(name: str, value: Any, depth: int) -> list[str]:
    if depth < DEPTH and isinstance(value, dict):
        return [path for key, part in value.items() for path in _paths(f"{name}.{key}", part, depth + 1)]
    if depth < DEPTH and isinstance(value, list) and len(value) == 1:
        return [name, *_paths(f"{name}.0", value[0], depth + 1)]
    if depth < DEPTH and isinstance(value, list) and value and isinstance(value[0], dict):
        return _paths(f"{name}.0", value[0], depth + 1)
    return [name]


def _column(name: str, values: list[Any]) -> Column:
    given = [value for value in values if value is not None and value != ""]
    if given and all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in given):
        flat = [item for value in given for item in value]
        tagged = sum(item == "O" or PREFIXED.fullmatch(item) is not None for item in flat)
        tags = bool(flat) and tagged > 0.9 * len(flat)
        return Column(name, "list", len(given), len({tuple(value) for value in given}), _mean(given), False, tags)
    texts = [str(value) for value in given if not isinstance(value, list | dict)]
    numbers = [text for text in texts if NUMBER.fullmatch(text)]
    kind = "other" if not texts else "number" if len(numbers) >= 0.98 * len(texts) else "text"
    decimal = kind == "number" and sum("." in text for text in numbers) > 0.5 * len(numbers)
    return Column(name, kind, len(given), len(set(texts)), _mean([text.split() for text in texts]), decimal, False)


def _mean(values: list[list[str]]) -> float:
    return sum(map(len, values)) / len(values) if values else 0.0


def roles(columns: Sequence[Column], rows: int) -> Roles:
    """Task, text and label, by names and by what the columns hold."""
    lists = [column for column in columns if column.kind == "list"]
    tags = [column for column in lists if column.tags]
    if tags:
        tokens = [column for column in lists if not column.tags and abs(column.words - tags[0].words) < 1e-9]
        if tokens:
            words = min(tokens, key=lambda column: _rank(column.name, TEXTS))
            return Roles("ner", words.name, None, tags[0].name, [column.name for column in tags])
    texts = sorted((column for column in columns if column.kind == "text"), key=_text_order)
    names = {column.name.lower(): column for column in columns}
    pair = next(((names[a], names[b]) for a, b in PAIRS if a in names and b in names), None)
    text = pair[0] if pair else next(iter(texts), None)
    second = pair[1] if pair else _second(texts, text)
    used = {column.name for column in (text, second) if column is not None}
    candidates = [column for column in columns if column.name not in used and _may_be_label(column, min(rows, SAMPLE))]
    candidates.sort(key=_label_order)
    label = candidates[0] if candidates else None
    regression = label is not None and label.kind == "number" and (label.decimal or label.distinct > 20)
    return Roles(
        "regression" if regression else "classification",
        text.name if text else None,
        second.name if second else None,
        label.name if label else None,
        [column.name for column in candidates],
    )


def _rank(name: str, known: Sequence[str]) -> int:
    """Place of a name's last part among known names; behind them all where it is none."""
    parts = [part for part in name.lower().split(".") if not part.isdecimal()]
    last = parts[-1] if parts else ""
    return known.index(last) if last in known else len(known)


def _text_order(column: Column) -> tuple[bool, float]:
    """A column called like a text and with words in it comes first; then the one with most words."""
    named = _rank(column.name, TEXTS) < len(TEXTS) and column.words >= 2
    return not named, -column.words


def _second(texts: Sequence[Column], text: Column | None) -> Column | None:
    """A second text of like length, most of whose values differ: a pair. Named texts have no unnamed pair."""
    if text is None or _rank(text.name, TEXTS) < len(TEXTS):
        return None
    near = [
        column
        for column in texts
        if column is not text
        and column.words >= max(3, 0.4 * text.words)
        and column.distinct > 0.5 * column.filled
        and column.filled > 0.95 * text.filled
    ]
    return near[0] if near else None


def _may_be_label(column: Column, rows: int) -> bool:
    """A few values that come again, a number with decimals, or a column called like a label."""
    if column.kind not in ("text", "number") or column.filled < 0.5 * rows:
        return False
    if _rank(column.name, LABELS) < len(LABELS) and (column.kind == "number" or column.words <= 4):
        return True
    if column.decimal:
        return True
    return 2 <= column.distinct <= max(2, min(1000, 0.1 * column.filled)) and column.words <= 4


def _label_order(column: Column) -> tuple[int, int, int]:
    """Named ones first, then numbers with decimals, then those with the fewest values."""
    named = _rank(column.name, LABELS)
    return named, 0 if column.decimal else 1, column.distinct
