"""Stage `train`: one run (dataset × model × method × seed) on the cell's best settings.

Writes the checkpoint, its manifest, predictions for validation and test, the history and `run.json` (what was run,
from what; `run.schema.json` describes it). Whatever may differ between two equal runs lies in `cost.json` (seconds,
memory) and `provenance.json` (commit, machine, command). A method that does not fit the model or the rows writes the
same files: tables without rows, no checkpoint, and in `run.json` the reason (`left_out`).
"""

from __future__ import annotations

import logging
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, provenance, tasks
from tuneproof.cell import Cell
from tuneproof.errors import DataError, MethodError

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.train.loop import Data
    from tuneproof.train.resume import Resume

log = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "scikit-learn", "tuneproof")
"""Packages whose version can change a trained number."""
SCHEMA_VERSION = 3
"""Of run.json; raised when a key changes its meaning or goes."""
SCHEMA = Path(__file__).with_name("run.schema.json")
WRITTEN = ("predictions.parquet", "history.csv", "run.json", "cost.json", "manifest.json")
"""Files of a run whose sha256 stands in its provenance.json."""


def load_data(cell: Cell, *, prepared: Path, train: Path, tokens: Path, teacher: Path | None = None) -> Data:
    """Tokens and gold rows of a cell. `train` is the tokenized train split, `tokens` the folder of the others.

    `teacher` is what stage `teach` wrote for a cell that learns from an ensemble. Raises `DataError` where such a cell
    comes without it.
    """
    from tuneproof.train import targets
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import Data

    rows = Tokens.read(train)
    if (name := cell.teacher()) is not None:
        if teacher is None:
            raise DataError(f"methods.{cell.method}: learns from the ensemble {name}; needed: --teacher")
        rows = targets.read(teacher, rows)
    return Data(
        train=rows,
        validation=Tokens.read(tokens / "validation.parquet"),
        gold=files.read_frame(prepared / "validation.parquet"),
        labels=files.read_json(prepared / "card.json")["labels"],
    )


def run(
    cell: Cell,
    data: Data,
    *,
    seed: int,
    best: Path,
    test_tokens: Path,
    model_folder: Path,
    inputs: dict[str, str],
    code: list[str],
    command: list[str],
    scratch: Path,
    save_every: float,
    out: Path,
) -> None:
    """Fit, predict and write everything below `out`.

    `inputs` are the hashes that `run.json` keeps, `code` the source files that the fit depends on, and `command` is
    what was typed. A killed fit goes on from the state that it left in `scratch` at most `save_every` seconds before.
    """
    from tuneproof.train.resume import Resume, identity

    sources = provenance.code_hashes(code)
    described = provenance.describe(command, [Path(path) for path in code])
    about = {
        "schema": SCHEMA_VERSION,
        "dataset": cell.dataset,
        "model": cell.model,
        "method": cell.method,
        "seed": seed,
    }
    made_from = {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "inputs": inputs,
        "code": sources,
    }
    name = f"{cell.dataset}-{cell.model}-{cell.method}-seed-{seed}"
    keep = Resume(scratch, name, identity(cell, seed, *inputs.values(), *sources.values()), seconds=save_every)
    chosen = files.read_json(best)
    try:
        if "left_out" in chosen:
            raise MethodError(chosen["left_out"])
        outcome = _fit_and_predict(
            cell.chosen(chosen),
            data,
            seed=seed,
            chosen=chosen,
            test_tokens=test_tokens,
            model_folder=model_folder,
            keep=keep,
            out=out,
        )
    except MethodError as error:
        outcome = _left_out(cell, " ".join(str(error).split()), out)
    files.write_frame(out / "predictions.parquet", outcome.predictions)
    files.write_csv(out / "history.csv", outcome.history)
    predictions = {"sha256": files.sha256(out / "predictions.parquet"), "rows": len(outcome.predictions)}
    files.write_json(out / "run.json", {**about, **outcome.about, **made_from, "predictions": predictions})
    files.write_json(out / "cost.json", outcome.cost)
    files.write_json(out / "manifest.json", outcome.manifest)
    described |= {"ended": provenance.now(), "hardware": outcome.hardware}
    described |= {"files": hashes({name: out / name for name in WRITTEN})}
    files.write_json(out / "provenance.json", provenance.seal(described))
    keep.clear()


class _Outcome(NamedTuple):
    """What a run writes, but for what it was made from."""

    predictions: pd.DataFrame
    history: pd.DataFrame
    about: dict[str, Any]
    """Its part of run.json."""
    cost: dict[str, Any]
    manifest: dict[str, Any]
    hardware: str


def _fit_and_predict(
    cell: Cell,
    data: Data,
    *,
    seed: int,
    chosen: dict[str, Any],
    test_tokens: Path,
    model_folder: Path,
    keep: Resume,
    out: Path,
) -> _Outcome:
    """Fit on the chosen settings, predict validation and test rows, and write the checkpoint below `out`."""
    import pandas as pd
    import torch

    from tuneproof.progress import Progress
    from tuneproof.train import checkpoint, device
    from tuneproof.train.batches import Tokens
    from tuneproof.train.energy import Meter
    from tuneproof.train.loop import fit
    from tuneproof.train.predict import predict

    meter = Meter()
    with Progress(f"{cell.dataset}/{cell.model}/{cell.method}/seed-{seed}") as progress:
        result = fit(
            cell,
            data,
            model_folder=model_folder,
            learning_rate=chosen["learning_rate"],
            warmup_ratio=chosen["warmup_ratio"],
            seed=seed,
            progress=progress.update,
            keep=keep,
        )
    where = result.model.device
    precision = device.pick_precision(cell.training.precision, where)
    start = time.perf_counter()
    task = tasks.get(cell.task)
    predictions = [
        predict(result.model, task, tokens, data.labels, precision=precision).frame.assign(split=split)
        for split, tokens in (("validation", data.validation), ("test", Tokens.read(test_tokens)))
    ]
    predict_seconds = time.perf_counter() - start
    energy = meter.spent()
    frame = pd.concat(predictions, ignore_index=True)
    frame = frame[["id", "split", *(column for column in frame.columns if column not in ("id", "split"))]]

    checkpoint.save(result.model, cell, data.labels, seed=seed, steps=result.steps, folder=out / "checkpoint")
    manifest = checkpoint.manifest(out / "checkpoint")
    about = {
        "learning_rate": chosen["learning_rate"],
        "warmup_ratio": chosen["warmup_ratio"],
        **{name: chosen[name] for name in cell.search.further()},
        "epochs_run": len(result.history),
        "best_epoch": result.best_epoch,
        "steps": result.steps,
        "trainable_parameters": result.trainable,
        "total_parameters": result.total,
        "validation": task.evaluate(data.gold, predictions[0]),
        "precision": precision,
        "device": where.type,
        "threads": torch.get_num_threads(),
    }
    cost = {
        "train_seconds": round(result.seconds, 3),
        "predict_seconds": round(predict_seconds, 3),
        "examples_per_second": round(result.examples / max(result.seconds, 1e-9), 2),
        "peak_memory_mb": round(device.peak_memory_mb(where), 1),
        "energy_joules": energy.joules,
        "energy_note": energy.note,
        "checkpoint_bytes": sum(entry["bytes"] for entry in manifest.values()),
        "device": where.type,
        "hardware": device.hardware(where),
    }
    return _Outcome(frame, pd.DataFrame(result.history), about, cost, manifest, device.hardware(where))


def _left_out(cell: Cell, reason: str, out: Path) -> _Outcome:
    """What a run writes that could not be: nothing was learned, answered or spent."""
    import pandas as pd

    from tuneproof.train import device

    log.info(f"left out: {reason}")
    if (out / "checkpoint").exists():  # of an earlier run, with other settings
        shutil.rmtree(out / "checkpoint")
    task = tasks.get(cell.task)
    scores = [f"validation_{name}" for name in task.scores()]
    columns = ["epoch", "step", "learning_rate", "train_loss", "validation_loss", *scores]
    return _Outcome(
        predictions=pd.DataFrame({name: pd.Series(dtype=object) for name in ("id", "split", *task.answers)}),
        history=pd.DataFrame(columns=columns),
        about={"left_out": reason},
        cost={},
        manifest={},
        hardware=device.hardware(device.pick_device(cell.training.device)),
    )


def hashes(paths: dict[str, Path]) -> dict[str, Any]:
    """sha256 of each named file."""
    return {name: files.sha256(path) for name, path in paths.items()}
