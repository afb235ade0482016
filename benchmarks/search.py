"""The search: how near it comes to a dense grid of 24 rates, and for what share of the grid's work.

Work is counted in epochs of training, as pruned trials end early. Scores are those of the validation split.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

from benchmarks import rows as texts
from benchmarks.targets import Target

CELLS = [
    ("medium", "full"),
    ("medium", "lora"),
    ("medium", "bitfit"),
    ("medium", "adapter"),
    ("medium", "probe"),
    ("ner", "full"),
    ("ner", "lora"),
    ("ner", "prefix"),
    ("ner", "ia3"),
    ("ner", "probe"),
]
POINTS, TRIALS, EPOCHS, TRAIN, VALIDATION = 24, 6, 3, 240, 600


def run(scratch: Path, *, quick: bool, cores: list[int]) -> tuple[dict[str, Any], list[Target]]:
    cells = CELLS[4:5] if quick else CELLS
    with multiprocessing.get_context("spawn").Pool(len(cores), _pin, (cores,)) as pool:
        found = pool.starmap(_cell, [(kind, tuning, scratch, 4 if quick else POINTS) for kind, tuning in cells], 1)
    raw = {f"{kind}/{tuning}": outcome for (kind, tuning), outcome in zip(cells, found, strict=True)}
    near = sum(entry["search"] >= 0.99 * entry["grid"] for entry in found) / len(found)
    work = max(entry["search_epochs"] / entry["grid_epochs"] for entry in found)
    return raw, [
        Target("search: share of cells within 1 % of a 24-point grid's best score", 0.8, near),
        Target("search: largest share of the grid's work", 0.25, work, False),
    ]


def _pin(cores: list[int]) -> None:
    import torch

    place = multiprocessing.current_process()._identity[0] % len(cores)
    os.sched_setaffinity(0, {cores[place]})
    torch.set_num_threads(1)


def _cell(kind: str, tuning: str, scratch: Path, points: int) -> dict[str, Any]:
    import math

    from tuneproof import search, tasks, tunings
    from tuneproof.cell import Cell, Search, Training
    from tuneproof.seeds import derive
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import Data, DivergedError, fit

    rows = texts.load(kind, TRAIN + VALIDATION, scratch)

    def part(start: int, end: int) -> Tokens:
        columns = {name: values[start:end] for name, values in rows.tokens.columns.items()}
        return Tokens(rows.tokens.ids[start:end], columns)

    gold = rows.frame.iloc[TRAIN:].reset_index(drop=True)
    data = Data(part(0, TRAIN), part(TRAIN, TRAIN + VALIDATION), gold, rows.labels)
    low, high, first = tunings.get(tuning).learning_rates
    cell = Cell(
        dataset=kind,
        model="minilm",
        method=tuning,
        task=rows.task,
        tuning={"name": tuning},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=EPOCHS, batch_size=8 if kind == "ner" else 16),
        learning_rates=(low, high, first),
        search=Search(trials=TRIALS),
    )
    scratch = scratch / f"search-{kind}-{tuning}"
    search.run(cell, data, model_folder=texts.model_folder(), fingerprint="bench", scratch=scratch, out=scratch)
    import pandas as pd

    trials = pd.read_csv(scratch / "trials.csv")
    best = json.loads((scratch / "best.json").read_text())
    primary, scores = tasks.get(rows.task).primary, []
    for i in range(points):
        rate = math.exp(math.log(low) + i / (points - 1) * (math.log(high) - math.log(low)))
        try:
            arguments: dict[str, Any] = {"learning_rate": rate, "warmup_ratio": 0.1, "seed": derive(0, "search")}
            scores.append(fit(cell, data, model_folder=texts.model_folder(), **arguments).scores()[primary])
        except DivergedError:
            scores.append(0.0)
    return {
        "search": best["value"],
        "grid": max(scores),
        "grid_scores": scores,
        "search_epochs": int(trials["epochs"].sum()),
        "grid_epochs": points * EPOCHS,
    }
