"""The speed of each cell on this machine: a few real steps of its own fit on rows of its own data.

As many processes measure at once as the experiment will use cores, as they slow each other down. What there is no time
to measure takes over the speed of the same tuning on other data, or of the slowest cell of its data set.
"""

from __future__ import annotations

import json
import math
import os
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof.cell import Cell
from tuneproof.preflight.estimate import Key, Speed

if TYPE_CHECKING:
    from tuneproof.train.loop import Data

STEPS = 4
"""Steps of each sample; the first one warms up and does not count."""


def measure(
    cells: Sequence[Cell],
    data: Mapping[tuple[str, str], Data],
    folders: Mapping[str, Path],
    *,
    seconds: float,
    cores: int,
) -> dict[Key, Speed]:
    """Speeds of all cells; `seconds` is how long each process may begin new samples.

    `data` holds tokens and gold by (data set, model), `folders` the pre-trained models by name.
    """
    import peft  # noqa: F401  # before the fork, as every child needs it
    import torch

    from tuneproof.train.loop import fit  # noqa: F401

    torch.set_num_threads(1)
    children = []
    for number in range(cores):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(cells[number::cores], data, folders, seconds, writer)
        os.close(writer)
        children.append((child, reader))
    measured: dict[Key, Speed] = {}
    for child, reader in children:
        with os.fdopen(reader) as answers:
            for line in answers:
                key, speed = json.loads(line)
                measured[key[0], key[1], key[2]] = Speed(*speed)
        os.waitpid(child, 0)
    return filled(cells, measured)


def filled(cells: Sequence[Cell], measured: Mapping[Key, Speed]) -> dict[Key, Speed]:
    """A speed for every cell. Raises ValueError where none was measured at all."""
    if not measured:
        raise ValueError("no cell could be measured")
    tunings = {(cell.dataset, cell.model, cell.method): cell for cell in cells}
    found = {}
    for key, cell in tunings.items():
        if key in measured:
            found[key] = measured[key]
            continue
        like = [speed for other, speed in measured.items() if _alike(tunings[other], cell)]
        same_data = [speed for other, speed in measured.items() if other[:2] == key[:2]]
        chosen = max(like or same_data or [*measured.values()], key=lambda speed: speed.train)
        found[key] = chosen._replace(measured=False)
    return found


def _alike(one: Cell, other: Cell) -> bool:
    return (one.tuning, one.adversarial, one.regularisers) == (other.tuning, other.adversarial, other.regularisers)


def _child(
    cells: Sequence[Cell],
    data: Mapping[tuple[str, str], Data],
    folders: Mapping[str, Path],
    seconds: float,
    writer: int,
) -> None:
    """Measure cells until the time is over, one JSON line each, and end the process."""
    code = 1
    try:
        end = time.monotonic() + seconds
        with os.fdopen(writer, "w") as answers:
            for number, cell in enumerate(cells):
                if number and time.monotonic() > end:
                    break
                speed = sample(cell, data[cell.dataset, cell.model], folders[cell.model])
                answers.write(json.dumps([(cell.dataset, cell.model, cell.method), speed]) + "\n")
                answers.flush()
        code = 0
    finally:
        os._exit(code)


def sample(cell: Cell, data: Data, folder: Path) -> Speed:
    """Time a few steps of the cell's own fit, and a prediction of the rows that they used."""
    from tuneproof.train import targets
    from tuneproof.train.loop import Data, fit
    from tuneproof.train.predict import predict

    rows = _spread(data.train.lengths, STEPS * cell.training.batch_size * cell.training.accumulation)
    some = _part(data.train, rows)
    if cell.teacher() is not None:
        some = targets.even(some, data.labels)
    gold = _spread(data.validation.lengths, cell.training.batch_size)
    one_epoch = cell.model_copy(update={"training": cell.training.model_copy(update={"epochs": 1})})
    marks: list[float] = []
    start = time.perf_counter()
    result = fit(
        one_epoch,
        Data(some, _part(data.validation, gold), data.gold.iloc[gold].reset_index(drop=True), data.labels),
        model_folder=folder,
        learning_rate=cell.learning_rates[2],
        warmup_ratio=0.0,
        seed=0,
        progress=lambda state: marks.append(time.perf_counter()),
    )
    fitted = time.perf_counter()
    from tuneproof import tasks
    from tuneproof.train import device

    precision = device.pick_precision(cell.training.precision, result.model.device)
    predict(result.model, tasks.get(cell.task), some, data.labels, precision=precision)
    predicted = time.perf_counter()
    tokens = sum(some.lengths)
    steps = max(1, len(marks) - 1)
    train = (marks[-1] - marks[0]) / steps / (tokens / max(1, len(marks))) if len(marks) > 1 else 0.0
    return Speed(
        train=train,
        predict=(predicted - fitted) / tokens,
        start=max(0.0, fitted - start - result.seconds),
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        checkpoint_bytes=4 * (result.total if cell.tuning["name"] == "full" else result.trainable),
    )


def _spread(lengths: Sequence[int], count: int) -> list[int]:
    """Places of about `count` rows whose lengths are spread as all rows' are."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    step = max(1, math.ceil(len(order) / count))
    return order[step // 2 :: step]


def _part(tokens: Any, rows: Sequence[int]) -> Any:
    return type(tokens)(
        [tokens.ids[row] for row in rows],
        {name: [values[row] for row in rows] for name, values in tokens.columns.items()},
    )
