"""One JSON object a line; its keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tuneproof.prepare.formats import JsonlFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines


def read(path: Path, form: JsonlFormat) -> Iterator[Row | Removed]:
    """Rows with values as JSON has them. Raises `DataError` for a wrong encoding."""
    for number, line in enumerate(lines(path, form.encoding), start=1):
        if not line.strip():
            continue
        place = Place(path.name, number)
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):  # RecursionError: nested deeper than the parser can follow
            yield Removed(place, "not valid JSON")
            continue
        yield Row(place, values) if isinstance(values, dict) else Removed(place, "not a JSON object")
