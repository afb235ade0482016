"""Texts with character spans, as annotation tools export them; the shape of each record tells which one.

    CLUENER              {"text": "…", "label": {"name": {"叶老桂": [[9, 11]]}}}        ends are the last character
    spaCy                ["…", {"entities": [[0, 5, "ORG"]]}], or {"text": …, "entities": …}
    Prodigy              {"text": "…", "spans": [{"start": 0, "end": 5, "label": "ORG"}]}
    doccano              {"text": "…", "label": [[0, 5, "ORG"]]}, or "entities" with start_offset and end_offset
    Label Studio         {"data": {"text": "…"}, "annotations": [{"result": [{"value": {"start": 0, …}}]}]}
    Label Studio (MIN)   {"text": "…", "label": [{"start": 0, "end": 5, "labels": ["ORG"]}]}

Rows have the columns `tokens` and `tags`, tags in IOB2. Words are cut where a span starts or ends within one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tuneproof.prepare.formats import SpansFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines, text
from tuneproof.prepare.sources.json import records
from tuneproof.prepare.words import tagged

Span = tuple[int, int, str]


class _UnusableError(Exception):
    """The reason why a record is removed."""


def read(path: Path, form: SpansFormat) -> Iterator[Row | Removed]:
    """One row a record. Raises `DataError` for a wrong encoding, or where no list of records is found."""
    for place, record in _records(path, form):
        try:
            content, spans = _annotated(record)
            tokens, tags = tagged(content, _usable(content, spans))
        except _UnusableError as reason:
            yield Removed(place, str(reason))
        else:
            yield Row(place, {"tokens": tokens, "tags": tags})


def _records(path: Path, form: SpansFormat) -> Iterator[tuple[Place, Any]]:
    """Records of a JSON file, or of JSON lines."""
    if form.records is not None or not is_lines(text(path, form.encoding)):
        yield from records(path, form)
        return
    for number, line in enumerate(lines(path, form.encoding), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            yield Place(path.name, number), record


def is_lines(content: str) -> bool:
    """Whether a text is one JSON value a line: its first line that is not blank is a whole object or list."""
    first = content.lstrip().partition("\n")[0]
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], str) and len(value) == 2
    )


def annotated(record: Any) -> list[Span] | None:
    """Spans of a record as they stand there; None where it is no text with spans."""
    try:
        return _annotated(record)[1]
    except _UnusableError:
        return None


def _annotated(record: Any) -> tuple[str, list[Span]]:
    """Text and spans of a record."""
    if isinstance(record, list) and len(record) == 2 and isinstance(record[1], dict):  # spaCy
        record = {"text": record[0], **record[1]}
    if not isinstance(record, dict):
        raise _UnusableError("not a JSON object with a text")
    task = next((record[key] for key in ("annotations", "completions") if isinstance(record.get(key), list)), None)
    data = record.get("data")
    if task is not None and isinstance(data, dict):  # Label Studio
        return _text(data), _label_studio(task)
    content = _text(record if isinstance(record.get("text"), str) or not isinstance(data, str) else {"text": data})
    for key in ("entities", "spans", "labels", "label"):
        if record.get(key) is not None:
            return content, _listed(content, record[key])
    raise _UnusableError("not annotated")


def _text(record: dict[str, Any]) -> str:
    found = record.get("text")
    if found is None:
        texts = [value for value in record.values() if isinstance(value, str)]
        found = texts[0] if len(texts) == 1 else None
    if not isinstance(found, str):
        raise _UnusableError("no text in the record")
    return found


def _label_studio(annotations: list[Any]) -> list[Span]:
    """Spans of the first annotation that was not cancelled; texts may have several, by several people."""
    for annotation in annotations:
        if isinstance(annotation, dict) and not annotation.get("was_cancelled"):
            result = annotation.get("result") or []
            parts = [part.get("value") for part in result if isinstance(part, dict)]
            return [_span(part) for part in parts if isinstance(part, dict) and "start" in part]
    raise _UnusableError("not annotated")


def _listed(content: str, spans: Any) -> list[Span]:
    if isinstance(spans, dict):
        return list(_cluener(content, spans))
    if not isinstance(spans, list):
        raise _UnusableError("spans are not a list")
    return [_span(span) for span in spans]


def _cluener(content: str, kinds: dict[str, Any]) -> Iterator[Span]:
    """Type → surface → list of [first, last character]. The surface must stand there."""
    for kind, surfaces in kinds.items():
        if not isinstance(surfaces, dict):
            raise _UnusableError("spans are not a list")
        for surface, places in surfaces.items():
            for place in places if isinstance(places, list) else []:
                start, last, _ = _span([*place, kind] if isinstance(place, list) else place)
                if content[start : last + 1] != surface:
                    raise _UnusableError("a span does not hold its words")
                yield start, last + 1, kind


def _span(value: Any) -> Span:
    """Start, end and type of one span, however it is written."""
    if isinstance(value, dict):
        labels = value.get("labels")
        kind = labels[0] if isinstance(labels, list) and labels else value.get("label", value.get("type"))
        value = [value.get("start", value.get("start_offset")), value.get("end", value.get("end_offset")), kind]
    if not isinstance(value, list) or len(value) < 3:
        raise _UnusableError("a span without start, end and type")
    start, end, kind = value[:3]
    if not all(isinstance(edge, int) and not isinstance(edge, bool) for edge in (start, end)):
        raise _UnusableError("a span without start, end and type")
    if not isinstance(kind, str) or not kind.strip():
        raise _UnusableError("a span without start, end and type")
    return start, end, kind.strip()


def _usable(content: str, spans: list[Span]) -> list[Span]:
    """Distinct spans in the order of the text, without white space at their edges."""
    trimmed = []
    for start, end, kind in sorted(set(spans)):
        if not 0 <= start < end <= len(content):
            raise _UnusableError("a span outside its text")
        inner = content[start:end]
        if not inner.strip():
            raise _UnusableError("a span of white space")
        trimmed.append((start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip()), kind))
    if any(right[0] < left[1] for left, right in pairwise(trimmed)):
        raise _UnusableError("overlapping spans")
    return trimmed
