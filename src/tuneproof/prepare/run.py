"""The stage `prepare`: from fetched files to one parquet file a split, and a card that accounts for every row.

Reads the files that a manifest of `fetch` names. Promises: ids are unique and stable, no text stands in two splits,
no label of validation or test is unknown in train, rows read = rows kept + rows removed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import clean, quality, resolve, split, tags
from tuneproof.prepare.card import card
from tuneproof.prepare.clean import Example, Ledger
from tuneproof.prepare.sources import get

if TYPE_CHECKING:
    import pandas as pd


SPLITS = ("train", "validation", "test")


def run(dataset: Dataset, name: str, manifest: dict[str, Any], out: Path) -> None:
    """Write {train,validation,test}.parquet and card.json into `out`.

    Raises `DataError` in one line where a file, a column or a label does not fit.
    """
    with _no_search_for_cycles():
        _run(dataset, name, manifest, out)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Rows hold no reference cycles, and looking for some among millions of them takes a fifth of the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _run(dataset: Dataset, name: str, manifest: dict[str, Any], out: Path) -> None:
    ledger = Ledger()
    read = resolve.found(dataset, {key: Path(entry["path"]) for key, entry in manifest["files"].items()})
    official = {file.split: read_examples(dataset, file, ledger) for file in read}
    official = clean.without_leaks(official, ledger)
    if dataset.near_duplicates == "drop":
        official = quality.without_near(official, ledger)
    for key, examples in official.items():
        if not examples:
            raise DataError(f"datasets.{name}: no rows left in {key}; each of its texts stands in another split too")
    clean.number_ids([example for examples in official.values() for example in examples])
    splits = _split(dataset, name, official, ledger)
    _check_labels(dataset, name, splits)
    frames = {key: _frame(splits[key]) for key in SPLITS}
    labels = tasks.get(dataset.task).labels(frames["train"])
    content = card(dataset, name, manifest, labels, {key: splits[key] for key in SPLITS}, ledger, read)
    kept, removed = sum(content["rows"].values()), sum(item["count"] for item in content["removed"])
    assert ledger.rows_read == kept + removed, "a row is unaccounted for"
    for key in SPLITS:
        files.write_frame(out / f"{key}.parquet", frames[key])
    files.write_json(out / "card.json", content)


def read_examples(dataset: Dataset, file: resolve.File, ledger: Ledger) -> list[Example]:
    """Clean examples of one file, each content once. Raises `DataError` where there are none."""
    before = ledger.rows_read
    rows = ledger.sift(get(file.kind)(file.path, file.form))
    if ledger.rows_read == before:
        empty = "" if file.path.stat().st_size else "; the file is empty"
        raise DataError(f"{file.path}: no rows{empty}")
    dataset = dataset.model_copy(update={"format": file.form})
    for column in clean.used_columns(dataset) if rows else []:
        if all(clean.value_at(row.values, column, rows) is rows for row in rows):
            found = list(dict.fromkeys(column for row in rows for column in row.values))
            hint = "; they are always tokens and tags" if clean.has_tokens(dataset) else ""
            raise DataError(f"{file.path}: column {column!r} not found; columns found: {', '.join(found)}{hint}")
    kept = clean.clean(rows, dataset, ledger)
    if file.split == "train" or dataset.repeats == "drop":
        kept = clean.without_repeats(kept, ledger)
    if not kept:
        reason = max(ledger.counts, key=ledger.counts.__getitem__)
        raise DataError(
            f"{file.path}: none of {ledger.rows_read - before:,} rows can be used; most often: {reason}, "
            f"as at {ledger.places[reason][0]}"
        )
    return kept


def _split(dataset: Dataset, name: str, official: dict[str, list[Example]], ledger: Ledger) -> dict[str, list[Example]]:
    """Official splits as they are, missing ones cut from train; then the training subset. Rows are sorted by id."""
    missing = [key for key in ("validation", "test") if key not in official]
    stratum = split.strata(dataset.task, official["train"], stratify=dataset.split.stratify)
    splits = {**official, **split.divide(official["train"], dataset.split, missing, stratum, f"datasets.{name}")}
    train, seed = splits["train"], split.draw_seed(dataset.split.seed, dataset.draw)
    if dataset.train_size is not None:
        if dataset.train_size > len(train):
            found = f"found {dataset.train_size:,}; allowed: up to {len(train):,}, the rows of train"
            raise DataError(f"datasets.{name}.train_size: {found}")
        splits["train"] = split.subset(train, dataset.train_size, seed, stratum)
    elif isinstance(dataset.train_per_class, int):
        where = f"datasets.{name}.train_per_class"
        splits["train"] = split.subset_per_class(train, dataset.train_per_class, seed, dataset.task, where)
    chosen = {example.id for example in splits["train"]}
    for example in sorted(train, key=lambda example: example.place):
        if example.id not in chosen:
            ledger.remove(example.place, "beyond train_size" if dataset.train_size else "beyond train_per_class")
    return {key: sorted(examples, key=lambda example: example.id) for key, examples in splits.items()}


def _check_labels(dataset: Dataset, name: str, splits: dict[str, list[Example]]) -> None:
    """Train has something to learn, and the other splits ask for nothing that train does not show."""
    if dataset.task == "regression":
        return
    known = {kind for example in splits["train"] for kind in _kinds(example, dataset.task)}
    if dataset.task == "ner" and not known:
        raise DataError(f"datasets.{name}: no entity in train ({len(splits['train']):,} sentences); check format.tag")
    if dataset.task == "classification" and len(known) < 2:
        raise DataError(f"datasets.{name}: one class in train, {known.pop()!r}; allowed: two or more")
    for key in ("validation", "test"):
        for example in splits[key]:
            for kind in _kinds(example, dataset.task):
                if kind not in known:
                    what = "entity type" if dataset.task == "ner" else "label"
                    raise DataError(f"{example.place}: {what} {kind!r} of {key} does not occur in train")


def _kinds(example: Example, task: str) -> list[str]:
    if task == "ner":
        return [kind for _, _, kind in tags.spans(example.columns["tags"])]
    return [example.columns["label"]]


def _frame(examples: list[Example]) -> pd.DataFrame:
    """`id`, the task's columns, and those that are kept beside them."""
    import pandas as pd

    columns = ["id", *examples[0].columns, *examples[0].kept]
    rows = [{"id": example.id, **example.columns, **example.kept} for example in examples]
    return pd.DataFrame(rows, columns=columns)
