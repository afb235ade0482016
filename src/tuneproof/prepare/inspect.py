"""What a file holds, before anything is declared: `tuneproof prepare --inspect FILE`.

Guesses format and columns, reads the file as `prepare` would, and gives the block of params that says so.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuneproof import boundary, fetch
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.origins import FileSource
from tuneproof.prepare import clean, columns, guess, quality, resolve, run
from tuneproof.prepare.card import label_counts, removed
from tuneproof.prepare.clean import Example, Ledger
from tuneproof.prepare.sources import get
from tuneproof.prepare.sources.base import Removed, Row


def inspect(path: Path) -> dict[str, Any]:
    """All that is seen, for programs; `rows` counts the examples kept, before repeats are dropped.

    Raises `DataError` in one line where the file cannot be read as a data set.
    """
    with tempfile.TemporaryDirectory() as cache:
        return _inspect(path, Path(cache))


def _inspect(path: Path, cache: Path) -> dict[str, Any]:
    form = guess.format_of(path)
    probe = Dataset.model_validate({"task": _probe(form), "source": {"path": str(path)}, "format": form})
    rows_at = Path(fetch.fetch_data(probe.source, cache)["files"]["all"]["path"])
    items = [item for file in resolve.found(probe, {"all": rows_at}) for item in get(file.kind)(file.path, file.form)]
    rows = [item for item in items if isinstance(item, Row)]
    if not rows:
        first = next((item for item in items if isinstance(item, Removed)), None)
        raise DataError(f"{path}: no rows" + (f"; {first.reason}, as at {first.place}" if first else ""))
    seen = columns.look(rows)
    found = _fixed(form) or columns.roles(seen, len(rows))
    if found.text is None or found.label is None:
        what = "text" if found.text is None else "label"
        names = ", ".join(f"{column.name} ({column.kind}, {column.distinct:,} values)" for column in seen)
        raise DataError(f"{path}: no column looks like a {what}; columns found: {names}")
    form, found = _named(form, found)
    declared = _declared(path, form, found)
    return {
        **_read(path, rows_at, declared),
        "columns": [column.as_json() for column in seen],
        **_said(found, declared, path),
    }


def _probe(form: dict[str, Any]) -> str:
    return "ner" if form["kind"] in ("conll", "spans") else "classification"


def _fixed(form: dict[str, Any]) -> columns.Roles | None:
    """Roles where the format itself says what is what."""
    if form["kind"] in ("conll", "spans"):
        return columns.Roles("ner", "tokens", None, "tags", ["tags"])
    if form["kind"] == "lines":
        return columns.Roles("classification", "text", None, "label", ["label"])
    return None


def _named(form: dict[str, Any], found: columns.Roles) -> tuple[dict[str, Any], columns.Roles]:
    """Columns without a header are called after what they are."""
    if "columns" not in form:
        return form, found
    new = {found.text: "text", found.text_pair: "text_pair", found.label: "label"}
    named = {**form, "columns": [new.get(name, name) for name in form["columns"]]}
    pair = "text_pair" if found.text_pair else None
    candidates = [new.get(name, name) for name in found.candidates]
    return named, columns.Roles(found.task, "text", pair, "label", candidates)


def _declared(path: Path, form: dict[str, Any], found: columns.Roles) -> dict[str, Any]:
    """The data set as params would declare it; defaults are left out."""
    place = Path(os.path.relpath(path)).as_posix() if boundary.inside(str(path)) else path.absolute().as_posix()
    declared: dict[str, Any] = {"task": found.task, "source": {"path": place}, "format": form}
    if form["kind"] not in ("conll", "spans"):
        names = {"text": found.text, "text_pair": found.text_pair, "label": found.label}
        declared |= {key: name for key, name in names.items() if name is not None and name != key}
        if found.text_pair:
            declared["text_pair"] = found.text_pair
    return declared


def _read(path: Path, rows_at: Path, declared: dict[str, Any]) -> dict[str, Any]:
    """Format with nothing left open, the account of the rows, and what they hold."""
    dataset = Dataset.model_validate(declared)
    files = resolve.found(dataset, {"all": rows_at})
    ledger, kept = Ledger(), list[Example]()
    for file in files:
        own = dataset.model_copy(update={"format": file.form})
        kept += clean.clean(ledger.sift(get(file.kind)(file.path, file.form)), own, ledger)
    dropped = Ledger()
    distinct = clean.without_repeats(kept, dropped)
    return {
        "file": path.as_posix(),
        "format": {**files[0].form.model_dump(mode="json"), **declared["format"]},
        "encoding": getattr(files[0].form, "encoding", None),
        "rows_read": ledger.rows_read,
        "rows": len(kept),
        "removed": [removed(reason, ledger.places[reason]) for reason in ledger.counts],
        "duplicates": {
            "repeated": dropped.counts.get("repeated text", 0),
            "conflicting": dropped.counts.get("repeated text with conflicting labels", 0),
            "distinct": len(distinct),
        },
        "label_counts": label_counts(kept, dataset.task),
        "label_range": _range(kept) if dataset.task == "regression" else None,
        "words": quality.quantiles([_words(example) for example in kept]),
        "characters": quality.quantiles([_characters(example) for example in kept]),
    }


def _said(found: columns.Roles, declared: dict[str, Any], path: Path) -> dict[str, Any]:
    """Roles, the block to paste, and whether `prepare` takes it."""
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:64] or "mine"
    block = {"datasets": {name: declared}}
    return {
        "task": found.task,
        "text": found.text,
        "text_pair": found.text_pair,
        "label": found.label,
        "label_candidates": found.candidates,
        "notes": _notes(name, declared),
        "params": block,
        "block": _yaml(block),
    }


def _notes(name: str, declared: dict[str, Any]) -> list[str]:
    """What a user should know before pasting: whether `prepare` itself would go through."""
    notes = []
    place = declared["source"]["path"]
    if not boundary.inside(place):
        folder = Path(place).parent.as_posix()
        notes.append(f"the file lies outside the project: copy it there, or set {boundary.VARIABLE}={folder}")
    dataset = Dataset.model_validate(declared)
    assert isinstance(dataset.source, FileSource)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run.run(dataset, name, fetch.fetch_data(dataset.source, Path(folder)), Path(folder) / "out")
        except DataError as error:
            notes.append(f"prepare would stop: {error}")
    return notes


def _words(example: Example) -> int:
    held = example.columns
    return len(held["tokens"]) if "tokens" in held else len(held["text"].split())


def _characters(example: Example) -> int:
    held = example.columns
    return sum(map(len, held["tokens"])) if "tokens" in held else len(held["text"])


def _range(examples: Sequence[Example]) -> list[float]:
    values = [example.columns["label"] for example in examples]
    return [min(values), max(values)] if values else []


def _yaml(block: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(block, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def shown(found: dict[str, Any]) -> list[str]:
    """The findings as lines for people, the block last."""
    form = {key: value for key, value in found["format"].items() if value is not None and key != "encoding"}
    lines = [
        f"file       {found['file']}",
        f"format     {', '.join(f'{key} {value!r}' if key != 'kind' else str(value) for key, value in form.items())}",
        f"encoding   {found['encoding'] or 'none: a binary format'}",
        f"rows       {found['rows']:,} examples of {found['rows_read']:,} rows read",
        *(
            f"removed    {item['count']:,}: {item['reason']} ({', '.join(item['examples'][:3])})"
            for item in found["removed"]
        ),
        f"task       {found['task']}",
        *(f"{key:<10} {found[key]}" for key in ("text", "text_pair", "label") if found[key]),
    ]
    if len(found["label_candidates"]) > 1:
        lines.append(f"or label   {', '.join(found['label_candidates'][1:6])}")
    counts = sorted(found["label_counts"].items(), key=lambda item: (-item[1], item[0]))
    if counts:
        more = f", and {len(counts) - 10} more" if len(counts) > 10 else ""
        lines.append(f"labels     {', '.join(f'{name} {count:,}' for name, count in counts[:10])}{more}")
    if found["label_range"]:
        lines.append(f"values     {found['label_range'][0]:g} to {found['label_range'][1]:g}")
    lines += [
        f"{key:<10} {', '.join(f'{name} {value:,}' for name, value in found[key].items())}"
        for key in ("words", "characters")
    ]
    double = found["duplicates"]
    lines.append(f"duplicates {double['repeated']:,} repeated, {double['conflicting']:,} with conflicting labels")
    lines += [f"note       {note}" for note in found["notes"]]
    return [*lines, "", "Paste into params.yaml, then run `tuneproof check`:", "", *found["block"].splitlines()]
