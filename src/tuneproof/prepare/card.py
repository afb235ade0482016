"""The data card: what a data set is made of, and what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tuneproof.params import Dataset
from tuneproof.prepare.clean import Example, Ledger
from tuneproof.prepare.resolve import File
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
        "removed": [
            {"reason": reason, "count": count, "examples": [str(place) for place in ledger.places[reason]]}
            for reason, count in ledger.counts.items()
        ],
        "label_counts": {split: label_counts(examples, dataset.task) for split, examples in splits.items()},
        **({"repaired_tags": ledger.repaired_tags} if dataset.task == "ner" else {}),
    }


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
