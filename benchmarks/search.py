"""The search: how near it comes to a dense grid of 24 rates, and for what share of the grid's work.

Work is counted in epochs of training, as pruned trials end early. Scores are those of the validation split, after the
last epoch; the grid looks at them then alone, which saves time and changes no score.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from pathlib import Path
from typing import Any

from benchmarks import rows as texts
from benchmarks.record import Record
from benchmarks.targets import NEAR, WORK

CELLS = [
    ("medium", "full"),
    ("ner", "full"),
    ("medium", "lora"),
    ("ner", "lora"),
    ("medium", "probe"),
    ("ner", "probe"),
]
"""The longest first, so that no core waits long for the other at the end."""
POINTS, TRIALS, EPOCHS, TRAIN, VALIDATION = 24, 6, 3, 128, 400


def run(record: Record, scratch: Path, *, quick: bool, cores: list[int]) -> None:
    cells = CELLS[4:5] if quick else CELLS
    with multiprocessing.get_context("spawn").Pool(len(cores), _pin, (cores,)) as pool:
        points = 4 if quick else POINTS
        at_work = [(f"{kind}/{name}", pool.apply_async(_cell, (kind, name, scratch, points))) for kind, name in cells]
        for key, answer in at_work:
            with record.part("search", key):
                record.add("search", key, answer.get(timeout=1200))
    found = [*record.raw.get("search", {}).values()]
    if len(found) == len(cells):  # a share of fewer cells would be another figure
        record.meet(NEAR, sum(entry["search"] >= 0.99 * entry["grid"] for entry in found) / len(found))
        record.meet(WORK, max(entry["search_epochs"] / entry["grid_epochs"] for entry in found))


def _pin(cores: list[int]) -> None:
    import torch

    place = multiprocessing.current_process()._identity[0] % len(cores)
    os.sched_setaffinity(0, {cores[place]})
    torch.set_num_threads(1)


def _cell(kind: str, tuning: str, scratch: Path, points: int) -> dict[str, Any]:
    """The best score of the product's search and of a grid of `points` rates, and the epochs that each took."""
    import time

    import pandas as pd

    from tuneproof import search, tasks, tunings
    from tuneproof.cell import Cell, Search, Training
    from tuneproof.train.loop import Data

    rows = texts.load(kind, TRAIN + VALIDATION, scratch / tuning)
    train, validation = rows.part(0, TRAIN), rows.part(TRAIN, TRAIN + VALIDATION)
    data = Data(train.tokens, validation.tokens, validation.frame, rows.labels)
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
    out = scratch / f"search-{kind}-{tuning}"
    start = time.perf_counter()
    search.run(cell, data, model_folder=texts.model_folder(), fingerprint="bench", scratch=out, out=out)
    searched = time.perf_counter()
    trials = pd.read_csv(out / "trials.csv")
    rates = [math.exp(math.log(low) + i / (points - 1) * (math.log(high) - math.log(low))) for i in range(points)]
    scores = [_at(cell, data, rate) for rate in rates]
    return {
        "score": tasks.get(rows.task).primary,
        "search": json.loads((out / "best.json").read_text())["value"],
        "grid": max(scores),
        "grid_scores": scores,
        "search_epochs": int(trials["epochs"].sum()),
        "grid_epochs": points * EPOCHS,
        "search_seconds": searched - start,
        "grid_seconds": time.perf_counter() - searched,
    }


def _at(cell: Any, data: Any, rate: float) -> float:
    """Validation score after the last epoch at one rate; 0 where the fit diverges."""
    import torch

    from tuneproof import tasks, tunings
    from tuneproof.seeds import derive
    from tuneproof.train.device import pick_precision
    from tuneproof.train.loop import Data, DivergedError, fit
    from tuneproof.train.predict import predict

    task = tasks.get(cell.task)
    once = not tunings.get(cell.tuning["name"]).frozen_body  # with stored features a validation costs nothing
    few = Data(data.train, _few(data.validation), data.gold.iloc[:4], data.labels) if once else data
    try:
        result = fit(
            cell,
            few,
            model_folder=texts.model_folder(),
            learning_rate=rate,
            warmup_ratio=0.1,
            seed=derive(cell.search.seed, "search"),
        )
    except DivergedError:
        return 0.0
    if not once:
        return result.scores()[task.primary]
    precision = pick_precision(cell.training.precision, torch.device("cpu"))
    predicted = predict(result.model, task, data.validation, data.labels, precision=precision)
    return task.evaluate(data.gold, predicted.frame)[task.primary]


def _few(tokens: Any) -> Any:
    return type(tokens)(tokens.ids[:4], {name: values[:4] for name, values in tokens.columns.items()})
