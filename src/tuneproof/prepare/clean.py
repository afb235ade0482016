"""From rows as read to examples that can be trained on, with an account of every row that was removed.

Reads `Row`s of one split; gives `Example`s whose texts are stripped, whose labels are parsed, and which do not repeat.
"""

from __future__ import annotations

import bisect
import hashlib
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuneproof.dataset import Dataset, LabelCut
from tuneproof.prepare import personal
from tuneproof.prepare.formats import Scheme
from tuneproof.prepare.sources.base import Place, Removed, Row
from tuneproof.prepare.tags import to_iob2

LONGEST = 1_000_000
"""Characters; models read some thousand sub-tokens, and a longer text is rather a file that was read wrongly."""

ID_LENGTH = 16
"""Hex digits of an id: with a million rows, two ids meet by chance once in forty million data sets."""

SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Example:
    """A usable row: the task's columns, its content as one string, its answer, and what it is grouped by."""

    place: Place
    columns: dict[str, Any]
    content: str
    answer: Any
    group: str | None = None
    id: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    """Further columns, which no fit reads (`keep`)."""


@dataclass
class Ledger:
    """The account: rows read, removed rows by reason, tags repaired."""

    rows_read: int = 0
    repaired_tags: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[Place]] = field(default_factory=dict)

    def remove(self, place: Place, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.places.setdefault(reason, []).append(place)

    def sift(self, read: Iterable[Row | Removed]) -> list[Row]:
        """Count what a reader gives, and keep the rows."""
        rows = []
        for item in read:
            self.rows_read += 1
            if isinstance(item, Removed):
                self.remove(item.place, item.reason)
            else:
                rows.append(item)
        return rows


class _UnusableError(Exception):
    """The reason why a row is removed."""


def clean(rows: Iterable[Row], dataset: Dataset, ledger: Ledger) -> list[Example]:
    """Usable rows with parsed labels; the others go to the ledger."""
    examples = []
    for row in rows:
        try:
            example = _example(row, dataset, ledger)
            example.kept = {column: _kept(row, column, dataset) for column in dataset.keep}
            examples.append(example)
        except _UnusableError as reason:
            ledger.remove(row.place, str(reason))
    return examples


def used_columns(dataset: Dataset) -> list[str]:
    """Columns of the file that the data set needs."""
    if has_tokens(dataset):
        names = ["tokens", "tags", dataset.group, *dataset.keep]
    else:
        names = [dataset.text, dataset.text_pair, dataset.label, dataset.group, *dataset.keep]
    return [name for name in names if name is not None]


def has_tokens(dataset: Dataset) -> bool:
    """Whether the reader gives the columns `tokens` and `tags`, whatever the data set calls them."""
    return dataset.format is not None and dataset.format.kind in ("conll", "spans")


_ABSENT: Any = object()


def value_at(values: dict[str, Any], column: str, absent: Any = None) -> Any:
    """A row's value: of that very column, or at a path into it, as in `meta.labels.0`; `absent` where none is."""
    if column in values:
        return values[column]
    found: Any = values
    for part in column.split("."):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return absent
    return found


def without_repeats(examples: list[Example], ledger: Ledger) -> list[Example]:
    """Each content once: the first of equal rows stays; where answers differ, none does."""
    answers: dict[str, list[Any]] = {}
    for example in examples:
        known = answers.setdefault(example.content, [])
        if example.answer not in known:
            known.append(example.answer)
    kept, seen = [], set()
    for example in examples:
        if len(answers[example.content]) > 1:
            ledger.remove(example.place, "repeated text with conflicting labels")
        elif example.content in seen:
            ledger.remove(example.place, "repeated text")
        else:
            seen.add(example.content)
            kept.append(example)
    return kept


def without_leaks(splits: dict[str, list[Example]], ledger: Ledger) -> dict[str, list[Example]]:
    """No content in two splits: test keeps it before validation, validation before train."""
    seen: dict[str, str] = {}
    kept = {}
    for split in sorted(splits, key=("test", "validation", "train").index):
        kept[split] = [example for example in splits[split] if example.content not in seen]
        for example in splits[split]:
            if example.content in seen:
                ledger.remove(example.place, f"also in {seen[example.content]}")
        seen.update((example.content, split) for example in kept[split])
    return {split: kept[split] for split in splits}


def number_ids(examples: Sequence[Example]) -> None:
    """Give each example an id that depends on its content alone, so neither on order nor on the other rows.

    Where official rows repeat and are kept, the second one of a content has `-2` behind its id, and so on.
    """
    length = ID_LENGTH
    digests = [hashlib.sha256(example.content.encode()).hexdigest() for example in examples]
    distinct = set(digests)
    while len({digest[:length] for digest in distinct}) < len(distinct):
        length *= 2  # contents differ, so the whole digests do
    for example, digest in zip(examples, digests, strict=True):
        example.id = digest[:length]
    if len(distinct) < len(digests):
        seen: dict[str, int] = {}
        for example in sorted(examples, key=lambda example: (example.id, str(example.answer))):
            seen[example.id] = count = seen.get(example.id, 0) + 1
            example.id += f"-{count}" if count > 1 else ""


# one row


def _example(row: Row, dataset: Dataset, ledger: Ledger) -> Example:
    if dataset.task == "ner":
        tokens, tags, repaired = _sentence(row, dataset)
        content = json.dumps(tokens, ensure_ascii=False)
        example = Example(row.place, {"tokens": tokens, "tags": tags}, content, tags, _group(row, dataset))
        ledger.repaired_tags += repaired
        return example
    texts = {"text": _text(row, dataset.text, dataset)}
    if dataset.text_pair:
        texts["text_pair"] = _text(row, dataset.text_pair, dataset)
    content = json.dumps(list(texts.values()), ensure_ascii=False)
    label = _label(row, dataset)
    return Example(row.place, {**texts, "label": label}, content, label, _group(row, dataset))


def _value(row: Row, column: str) -> Any:
    found = value_at(row.values, column, _ABSENT)
    if found is _ABSENT:
        raise _UnusableError(f"no column {column!r} in the row")
    return found


def _text(row: Row, column: str, dataset: Dataset) -> str:
    value = _value(row, column)
    if value is None:
        raise _UnusableError("empty text")
    if not isinstance(value, str):
        raise _UnusableError(f"{column!r} is not a text")
    text = _unescaped(value, dataset)
    if not text:
        raise _UnusableError("empty text")
    return personal.mask(text) if dataset.mask_personal_data else text


def _unescaped(value: str, dataset: Dataset) -> str:
    """The text, stripped, with HTML entities resolved where that is asked for. Half a surrogate pair is no text."""
    if len(value) > LONGEST:
        raise _UnusableError(f"longer than {LONGEST:,} characters")
    text = (html.unescape(value) if dataset.unescape_html else value).strip()
    if SURROGATE.search(text) is not None:
        raise _UnusableError("not valid Unicode")
    return text


def _kept(row: Row, column: str, dataset: Dataset) -> str:
    """The value as text, empty where there is none; masked as texts are."""
    value = value_at(row.values, column)
    text = "" if value is None else _unescaped(value if isinstance(value, str) else json.dumps(value), dataset)
    return personal.mask(text) if dataset.mask_personal_data else text


def _label(row: Row, dataset: Dataset) -> str | float:
    """Class name, class cut from a number, or number."""
    value = _value(row, dataset.label)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise _UnusableError("empty label")
    if isinstance(value, (list, dict)):
        raise _UnusableError("label is a list or mapping")
    if dataset.task == "regression":
        return _number(value)
    if dataset.label_cut:
        return _cut(_number(value), dataset.label_cut)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _unescaped(str(value), dataset)


def _number(value: Any) -> float:
    """A finite number, written as programs write it: `1_000`, `nan` and `true` are not numbers here."""
    try:
        if isinstance(value, bool) or "_" in str(value):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise _UnusableError("label is not a number") from None
    if not math.isfinite(number):
        raise _UnusableError("label is not a finite number")
    return number + 0.0  # −0.0 and 0.0 are one label


def _cut(number: float, cut: LabelCut) -> str:
    if number in cut.edges:
        raise _UnusableError("on the edge of label_cut")
    return cut.names[bisect.bisect(cut.edges, number)]


def _sentence(row: Row, dataset: Dataset) -> tuple[list[str], list[str], int]:
    """Tokens, IOB2 tags and number of repairs of a sentence."""
    named = has_tokens(dataset)
    tokens = _strings(row, "tokens" if named else dataset.text)
    raw = _strings(row, "tags" if named else dataset.label)
    if len(tokens) != len(raw):
        raise _UnusableError("tokens and tags differ in number")
    if not tokens:
        raise _UnusableError("empty text")
    tokens = [_unescaped(token, dataset) for token in tokens]
    if not all(tokens):
        raise _UnusableError("empty token")
    if dataset.mask_personal_data:
        tokens = [personal.mask(token) for token in tokens]
    scheme: Scheme = getattr(dataset.format, "scheme", "iob2")
    try:
        tags, repaired = to_iob2(raw, scheme)
    except ValueError:
        raise _UnusableError(f"a tag outside {scheme}") from None
    return tokens, tags, repaired


def _strings(row: Row, column: str) -> list[str]:
    value = _value(row, column)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _UnusableError(f"{column!r} is not a list of texts")
    return value


def _group(row: Row, dataset: Dataset) -> str | None:
    if dataset.group is None:
        return None
    value = _value(row, dataset.group)
    if value is None or str(value).strip() == "":
        raise _UnusableError("empty group")
    if dataset.group_pattern is None:
        return str(value)
    found = re.search(dataset.group_pattern, str(value))
    if found is None or found[1] is None:
        raise _UnusableError("group_pattern does not match")
    return found[1]
