"""One text and its label a line: `label<TAB>text`, `text@label`, `__label__x text`.

The separator may stand in the text as well: only the first one counts, or the last where the label stands last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tuneproof.prepare.formats import LinesFormat
from tuneproof.prepare.sources.base import Place, Removed, Row, lines


def read(path: Path, form: LinesFormat) -> Iterator[Row | Removed]:
    """Rows with the columns `text` and `label`; a line without a separator is removed."""
    for number, line in enumerate(lines(path, form.encoding), start=1):
        if not line.strip():
            continue
        place = Place(path.name, number)
        if form.label == "first":
            label, separator, text = line.partition(form.separator)
        else:
            text, separator, label = line.rpartition(form.separator)
        if separator:
            yield Row(place, {"text": text, "label": label.strip().removeprefix(form.prefix)})
        else:
            yield Removed(place, f"no separator {form.separator!r} in the line")
