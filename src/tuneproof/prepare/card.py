"""The data card: what a data set is made of, and what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tuneproof.dataset import Dataset
from tuneproof.prepare import quality
from tuneproof.prepare.clean import Example, Ledger
from tuneproof.prepare.resolve import File
from tuneproof.prepare.sources.base import Place
from tuneproof.prepare.tags import spans


def card(
    dataset: Dataset,
    name: str,
    manifest: dict[str, Any],
    labels: list[str],
    splits: dict[str, list[Example]],
    ledger: Ledger,
    read: Sequence[File],
) -> dict[str, Any]:
    """Content of card.json; rows_read = sum of rows + sum of the counts of removed."""
    return {
        "dataset": name,
        "task": dataset.task,
        "source": dataset.source.model_dump(mode="json"),
        "files": [
            {
                "name": PurePosixPath(entry["path"]).name,
                "sha256": entry["sha256"],
                "origin": entry["origin"],
                "read_as": _read_as(entry["path"], read),
            }
            for entry in manifest["files"].values()
        ],
        "licence": dataset.licence,
        "citation": dataset.citation,
        "labels": labels,
        "rows_read": ledger.rows_read,
        "rows": {split: len(examples) for split, examples in splits.items()},
        "removed": [removed(reason, ledger.places[reason]) for reason in ledger.counts],
        "label_counts": {split: label_counts(examples, dataset.task) for split, examples in splits.items()},
        "quality": quality.report(dataset, splits, ledger),
        **({"repaired_tags": ledger.repaired_tags} if dataset.task == "ner" else {}),
    }


EXAMPLES = 10
"""Places shown one by one for each reason of removal."""


def removed(reason: str, places: Sequence[Place]) -> dict[str, Any]:
    """Reason, count, the first places, and all lines by file."""
    by_file: dict[str, list[int]] = {}
    for place in places:
        by_file.setdefault(place.file, []).append(place.line)
    return {
        "reason": reason,
        "count": len(places),
        "examples": [str(place) for place in places[:EXAMPLES]],
        "lines": {file: ranges(lines) for file, lines in sorted(by_file.items())},
    }


def ranges(lines: Iterable[int]) -> str:
    """Whole numbers in rising order, each once, neighbours joined: `2-5,9,12-13`."""
    parts: list[list[int]] = []
    for line in sorted(set(lines)):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _read_as(path: str, read: Sequence[File]) -> dict[str, Any]:
    """Split → the format that the file was read with, nothing left open; empty for an export of the hub."""
    return {
        file.split: file.form.model_dump(mode="json")
        for file in read
        if file.path == Path(path) and file.form is not None
    }


def label_counts(examples: Sequence[Example], task: str) -> dict[str, int]:
    """Rows a class, or entities a type; nothing for regression. Sorted by name."""
    if task == "regression":
        return {}
    if task == "ner":
        counts = Counter(kind for example in examples for _, _, kind in spans(example.columns["tags"]))
    else:
        counts = Counter(example.columns["label"] for example in examples)
    return dict(sorted(counts.items()))
