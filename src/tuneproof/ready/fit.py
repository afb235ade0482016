"""`tuneproof fit`: train the method that was chosen on all labelled rows, and save a ready model.

All comparing is done by then, so that train, validation and test rows are all learned from; nothing is left to score
the new model on. What to expect of it is the score of the same method on test rows that its runs had not seen; with
more rows it is usually a little better. Settings are those that the search found; the number of epochs is fixed
beforehand: with early stopping it is the median of the runs' best epochs.
"""

from __future__ import annotations

import logging
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.trace.experiment import Experiment, Run

if TYPE_CHECKING:
    from tuneproof.cell import Cell
    from tuneproof.train.loop import Data

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
WATCHED = 32
"""Validation rows that the loop looks at after an epoch; its scores are of rows that were learned, and not used."""


class Fitted(NamedTuple):
    """What was trained, for the command's last line."""

    folder: Path
    rows: dict[str, int]
    seconds: float
    expected: dict[str, Any] | None
    """`score`, `value`, `low`, `high` of the same method's runs on test rows that they had not seen."""


def fit(
    results: Path,
    *,
    method: str,
    dataset: str | None,
    model: str | None,
    seed: int | None,
    threads: int,
    out: Path,
) -> Fitted:
    """Train and save into the new folder `out`, complete or not at all.

    `dataset` and `model` may be left out where there is one; `seed`: the experiment's first where not given. Raises
    `TuneproofError` for names that are not in the results, and `MethodError` where the method was left out.
    """
    from tuneproof.ready import folder
    from tuneproof.train import device, gpu
    from tuneproof.train.loop import fit as train

    if out.exists():
        raise TuneproofError(f"--out: found {out}, which exists; allowed: a new folder")
    experiment = Experiment(results)
    run = _run(experiment, method, dataset, model, seed)
    chosen = files.read_json(experiment.search(run) / "best.json")
    if "left_out" in chosen:
        raise MethodError(f"{run.method} cannot run here: {chosen['left_out']}")
    device.make_repeatable(threads)
    cell = _fixed(experiment, run, experiment.cell(run).chosen(chosen))
    if (teacher := cell.teacher()) is not None:
        raise MethodError(
            f"{run.method} learns from the ensemble {teacher}, which has answered the training rows alone, and a ready "
            "model learns from all rows; allowed: a method without `distil`"
        )
    gpu.take(cell.training.device)
    base = Path(files.read_json(experiment.model_manifest(run.model))["folder"])
    with tempfile.TemporaryDirectory(prefix="tuneproof-fit-") as scratch:
        data, rows = all_rows(experiment, run, cell, base, Path(scratch))
    log.info(f"fit {run.dataset}/{run.model}/{run.method}: {len(data.train)} rows, {cell.training.epochs} epochs")
    result = train(
        cell,
        data,
        model_folder=base,
        learning_rate=chosen["learning_rate"],
        warmup_ratio=chosen["warmup_ratio"],
        seed=run.seed,
    )
    expected = _expected(experiment, run)
    about = {
        "dataset": run.dataset,
        "method": run.method,
        "model": run.model,
        "task": cell.task,
        "labels": data.labels,
        "max_length": _max_length(experiment, run),
        "precision": device.pick_precision(cell.training.precision, result.model.device),
        "tuning": cell.tuning,
        "augmentation": cell.augmentation,
        "adversarial": cell.adversarial,
        "regularisers": cell.regularisers,
        "training": cell.training.model_dump(mode="json"),
        "learning_rate": chosen["learning_rate"],
        "warmup_ratio": chosen["warmup_ratio"],
        "seed": run.seed,
        "steps": result.steps,
        "rows": rows,
        "rows_learned_from": len(data.train),
        "trainable_parameters": result.trainable,
        "total_parameters": result.total,
        "expected": expected,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=files.PART))
    try:
        folder.save(result.model, cell, about, base=base, experiment=experiment, folder=temporary)
        temporary.chmod(0o755)
        temporary.rename(out)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)
    return Fitted(out, rows, result.seconds, expected)


def all_rows(experiment: Experiment, run: Run, cell: Cell, base: Path, scratch: Path) -> tuple[Data, dict[str, int]]:
    """Tokens of all labelled rows (and what their augmentation makes of them), and how many each split has."""
    import pandas as pd

    from tuneproof import tokenize
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import Data

    stored, together = experiment.prepared(run.dataset), scratch / "prepared"
    parts = {split: files.read_frame(stored / f"{split}.parquet") for split in SPLITS}
    files.write_frame(together / "train.parquet", pd.concat(parts.values(), ignore_index=True))
    for split in ("validation", "test"):  # nothing is held out
        files.write_frame(together / f"{split}.parquet", parts[split].iloc[:0])
    files.write_frame(scratch / "watched.parquet", parts["validation"].head(WATCHED))
    source = together
    if cell.augmentation != "none":
        source = scratch / "augmented"
        _augment(experiment, run, cell, together, source)
    tokens = scratch / "tokens"
    tokenize.run(
        task_name=cell.task,
        max_length=_max_length(experiment, run),
        model=base,
        card=stored / "card.json",
        splits={"train": source / "train.parquet", "validation": scratch / "watched.parquet"},
        out=tokens,
    )
    data = Data(
        train=Tokens.read(tokens / "train.parquet"),
        validation=Tokens.read(tokens / "validation.parquet"),
        gold=parts["validation"].head(WATCHED),
        labels=files.read_json(stored / "card.json")["labels"],
    )
    return data, {split: len(frame) for split, frame in parts.items()}


def _run(experiment: Experiment, method: str, dataset: str | None, model: str | None, seed: int | None) -> Run:
    """The run whose settings count. Raises `TuneproofError` where the names mean none or several."""
    runs = experiment.runs
    for option, field, wanted in (("--dataset", 0, dataset), ("--model", 1, model), ("--method", 2, method)):
        known = list(dict.fromkeys(run[field] for run in runs))
        if wanted is None and len(known) > 1:
            raise TuneproofError(f"{option}: not given, and there are several; allowed: {', '.join(map(str, known))}")
        if wanted is not None and wanted not in known:
            raise TuneproofError(f"{option}: found {wanted!r}; allowed: {', '.join(map(str, known))}")
        runs = [run for run in runs if wanted in (None, run[field])]
    return runs[0] if seed is None else runs[0]._replace(seed=seed)


def _fixed(experiment: Experiment, run: Run, cell: Cell) -> Cell:
    """The cell with a fixed number of epochs, as no row is left that could say when to stop."""
    if cell.training.early_stopping is None:
        return cell
    paths = [experiment.of(run._replace(seed=seed)) / "run.json" for seed in experiment.about["seeds"]]
    best = [files.read_json(path)["best_epoch"] for path in paths if path.is_file()]
    if not best:
        raise TuneproofError(f"{run.method}: early stopping without a finished run; run: snakemake --cores all")
    fixed = {"early_stopping": None, "epochs": max(1, statistics.median_high(best))}
    return cell.model_copy(update={"training": cell.training.model_copy(update=fixed)})


def _max_length(experiment: Experiment, run: Run) -> int:
    return int(files.read_json(experiment.settings("tokenize", run.dataset, f"{run.model}.json"))["max_length"])


def _augment(experiment: Experiment, run: Run, cell: Cell, rows: Path, out: Path) -> None:
    from tuneproof.augment import run as stage
    from tuneproof.augmentation import Augmentation

    declared = files.read_json(experiment.settings("augment", run.dataset, f"{cell.augmentation}.json"))
    stage.run(Augmentation.model_validate(declared["augmentation"]), cell.augmentation, cell.task, rows, out)


def _expected(experiment: Experiment, run: Run) -> dict[str, Any] | None:
    """The method's primary score on the test split with its interval, as evaluated; None where it was not."""
    from tuneproof.report.tables import Results, rows

    frame = Results(experiment.results).csv("evaluate", run.dataset, run.model, "scores.csv")
    score = experiment.about["datasets"][run.dataset]["primary"]
    for row in [] if frame is None else rows(frame):
        wanted = {"method": run.method, "split": "test", "score": score, "seed": None}
        if all(row[name] == value for name, value in wanted.items()) and row["value"] is not None:
            return {name: row[name] for name in ("score", "value", "low", "high")}
    return None
