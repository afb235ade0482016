"""Speeds of cells from what the jobs of a run took: the inverse of the arithmetic in `estimate.py`."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from pathlib import Path
from statistics import fmean

from tuneproof import files, tunings
from tuneproof.cell import Cell
from tuneproof.params import Params
from tuneproof.preflight.estimate import Key, Sizes, Speed

Jobs = Collection[tuple[str, ...]]
"""(`search` or `challenge`, data set, model, method) and (`train`, data set, model, method, seed)."""


def sizes(results: Path, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sizes]:
    """Sub-tokens of the splits that lie tokenized below `results`."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found = {}
    for dataset, model in pairs:
        folder = results / "tokenize" / dataset / "none" / model
        tables = {
            split: pq.read_table(folder / f"{split}.parquet", columns=["input_ids"])["input_ids"]
            for split in ("train", "validation", "test")
        }
        counted = {split: int(pc.sum(pc.list_value_length(column)).as_py() or 0) for split, column in tables.items()}
        found[dataset, model] = Sizes(rows=len(tables["train"]), **counted, test_rows=len(tables["test"]))
    return found


def fit_seconds(results: Path, jobs: Jobs) -> float:
    """What these searches and runs state for their fits and predictions, summed."""
    whole = 0.0
    for stage, *names in sorted(jobs):
        if stage == "challenge":
            continue  # answers questions about a fit, but is none
        cost = files.read_json(_folder(results, stage, names) / "cost.json")
        whole += cost.get("seconds", 0.0) + cost.get("train_seconds", 0.0) + cost.get("predict_seconds", 0.0)
    return whole


def speeds(
    results: Path, params: Params, cells: Iterable[Cell], known: dict[tuple[str, str], Sizes], jobs: Jobs
) -> dict[Key, Speed]:
    """Speeds of the cells whose search and at least one run are among the jobs; none where a method was left out."""
    found = {}
    for cell in cells:
        key = (cell.dataset, cell.model, cell.method)
        seeds = [seed for seed in params.seeds if ("train", *key, str(seed)) in jobs]
        if seeds and ("search", *key) in jobs:
            speed = _speed(results, params, cell, known[cell.dataset, cell.model], seeds)
            if speed is not None:
                found[key] = speed
    return found


def _speed(results: Path, params: Params, cell: Cell, size: Sizes, seeds: list[int]) -> Speed | None:
    names = [cell.dataset, cell.model, cell.method]
    runs = [_folder(results, "train", [*names, str(seed)]) for seed in seeds]
    abouts = [files.read_json(folder / "run.json") for folder in runs]
    if any("left_out" in about for about in abouts):
        return None
    costs = [files.read_json(folder / "cost.json") for folder in runs]
    copies = params.augmentations[cell.augmentation].technique.get("copies", 1) if cell.augmentation != "none" else 0
    tokens = max(1, size.train * (1 + copies))
    predict = fmean(cost["predict_seconds"] for cost in costs) / max(1, size.validation + size.test)
    frozen = tunings.get(cell.tuning["name"]).frozen_body and cell.adversarial is None and not cell.regularisers
    once = tokens * predict if frozen else 0.0
    train = fmean(
        max(0.0, cost["train_seconds"] - once) / (about["epochs_run"] * tokens)
        for cost, about in zip(costs, abouts, strict=True)
    )
    epoch = tokens * train + (0.0 if frozen else size.validation * predict)
    searched = _folder(results, "search", names)
    with (searched / "trials.csv").open(encoding="utf-8", newline="") as file:
        epochs = [float(row["epochs"]) for row in csv.DictReader(file)]
    spent = files.read_json(searched / "cost.json")["seconds"] - sum(epochs) * epoch
    spent -= (tokens + size.validation) * predict if frozen else 0.0
    return Speed(
        train=train,
        predict=predict,
        start=max(0.0, spent / len(epochs)),
        memory_mb=max(cost["peak_memory_mb"] for cost in costs),
        checkpoint_bytes=max(cost["checkpoint_bytes"] for cost in costs),
    )


def _folder(results: Path, stage: str, names: list[str]) -> Path:
    """Folder of a search or of a run, whose last name is its seed."""
    if stage == "search":
        return results.joinpath("search", *names)
    return results.joinpath("train", *names[:-1], f"seed-{names[-1]}")
