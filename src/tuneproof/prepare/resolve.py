"""What a format leaves to be found out, found out: encoding, quoting, tag scheme, numbered tokens.

A file's encoding and quoting are its own; the tag scheme is one for all files of a data set, since a small file alone
may not show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof.dataset import Dataset
from tuneproof.prepare import encodings, tags
from tuneproof.prepare.formats import ConllFormat, CsvFormat, JsonFormat, SpansFormat
from tuneproof.prepare.sources import get
from tuneproof.prepare.sources.base import Row, content_of
from tuneproof.prepare.sources.conll import indexed
from tuneproof.prepare.sources.csv import quoted


class File(NamedTuple):
    """A file of one split, and how it is read; `form` is None for what was exported from the hub."""

    split: str
    path: Path
    form: Any

    @property
    def kind(self) -> str:
        return "hub" if self.form is None else str(self.form.kind)


def found(dataset: Dataset, paths: dict[str, Path]) -> list[File]:
    """Files by split, in the order of `paths`, with nothing left to find out. A single file of all rows is train.

    Raises `DataError` where a file cannot be read, or fits no encoding.
    """
    parts = [part for split, path in paths.items() for part in _parts(split, path, dataset.format)]
    parts = [part._replace(form=_alone(part.path, part.form)) for part in parts]
    return _together(parts, dataset.label if dataset.task == "ner" else None)


def _parts(split: str, path: Path, form: Any) -> list[File]:
    """The file as one split, or as several where its format says which of its lists is which."""
    if isinstance(form, JsonFormat | SpansFormat) and isinstance(form.records, dict):
        if split == "all":
            return [File(key, path, form.model_copy(update={"records": at})) for key, at in form.records.items()]
        form = form.model_copy(update={"records": form.records.get(split)})  # type: ignore[call-overload]
    return [File("train" if split == "all" else split, path, form)]


def _alone(path: Path, form: Any) -> Any:
    """The format with what the file itself tells."""
    changed: dict[str, Any] = {}
    if getattr(form, "encoding", None) == encodings.AUTO:
        changed["encoding"] = encodings.found(path, content_of(path))
    if isinstance(form, CsvFormat) and form.quoting is None:
        changed["quoting"] = quoted(path, form.model_copy(update=changed))
    return form.model_copy(update=changed) if changed else form


def _together(parts: Sequence[File], label: str | None) -> list[File]:
    """The formats with what all files tell: the scheme of their tags, and whether tokens are numbered."""
    form, changed = parts[0].form, dict[str, Any]()
    conll = isinstance(form, ConllFormat)
    wanted = {}
    if label is not None and getattr(form, "scheme", None) == "auto":
        wanted["scheme"] = "tags" if conll else label
    if conll and form.token_index is None:
        wanted["token_index"] = "tokens"
    if not wanted:
        return list(parts)
    rows = [row for part in parts for row in get(part.kind)(part.path, part.form) if isinstance(row, Row)]
    for key, column in wanted.items():
        values = _lists(rows, column)
        changed[key] = tags.detect(values) if key == "scheme" else indexed(values)
    return [part._replace(form=part.form.model_copy(update=changed)) for part in parts]


def _lists(rows: Sequence[Row], column: str) -> list[list[str]]:
    """A column's lists of texts."""
    from tuneproof.prepare.clean import value_at

    values = [value_at(row.values, column) for row in rows]
    return [value for value in values if isinstance(value, list) and all(isinstance(item, str) for item in value)]
