"""`tuneproof verify --retrain`: the runs behind a number fitted once more, and how far they land from the stored ones.

The search is not repeated: each run is fitted on its stored best settings. On the machine and versions of the first
time a run comes back bit for bit; elsewhere it drifts, and the paired bootstrap says whether by more than chance.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tuneproof import files, statistics, tasks
from tuneproof.evaluate import scores
from tuneproof.evaluate.predictions import read, read_prepared
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trace.figures import Figure
from tuneproof.trace.reference import Metric
from tuneproof.verify.items import Item, by_value, frames

log = logging.getLogger(__name__)


def retrain(experiment: Experiment, metric: Metric | Figure) -> Iterator[Item]:
    """An item a run (predictions then and now), then one for the number itself, with its drift and p.

    A point of a learning curve is compared as it is.
    """
    made = metric.made if isinstance(metric, Figure) else metric.made_by(experiment)
    runs = [entry for entry in made if isinstance(entry, Run)]
    for entry in made:
        if isinstance(entry, Ensemble):
            runs += experiment.members(entry)
    with tempfile.TemporaryDirectory(prefix="tuneproof-retrain-") as folder:
        again = {run: Path(folder) / run.name for run in runs}
        for run, place in again.items():
            log.info(f"verify: fit {run}")
            _fit(experiment, run, place)
            stored = files.read_frame(experiment.of(run) / "predictions.parquet")
            told = frames(stored, files.read_frame(place / "predictions.parquet"))
            same = (place / "predictions.parquet").read_bytes() == (
                experiment.of(run) / "predictions.parquet"
            ).read_bytes()
            what = f"predictions of {run} fitted again"
            yield Item("same", what, f"{len(stored)} rows, bit for bit") if same else Item("differs", what, told)
        if isinstance(metric, Figure):
            yield _point(experiment, metric, again[metric.runs[0]])
        else:
            yield _drift(experiment, metric, metric.made_by(experiment), again, Path(folder))


def _fit(experiment: Experiment, run: Run, out: Path) -> None:
    from tuneproof import code
    from tuneproof.train import device
    from tuneproof.train import run as stage

    about = files.read_json(experiment.of(run) / "run.json")
    device.make_repeatable(about["threads"])
    cell, inputs = experiment.cell(run), experiment.inputs(run)
    tokens = inputs["test_tokens"].parent
    prepared = experiment.prepared(run.dataset)
    stage.run(
        cell,
        stage.load_data(
            cell, prepared=prepared, train=inputs["train_tokens"], tokens=tokens, teacher=inputs.get("teacher")
        ),
        seed=run.seed,
        best=inputs["best"],
        test_tokens=inputs["test_tokens"],
        model_folder=Path(files.read_json(inputs["model"])["folder"]),
        inputs=stage.hashes(inputs),
        code=code.of_cell(cell),
        command=["tuneproof", "verify", "--retrain"],
        scratch=out.parent / "states",
        save_every=3600.0,
        out=out,
    )


def _point(experiment: Experiment, figure: Figure, place: Path) -> Item:
    """A point of a learning curve, then and now; the report's table has six digits of it."""
    import pandas as pd

    history = pd.read_csv(place / "history.csv")
    epoch = int(figure.words[4].removeprefix("epoch-"))
    primary = tasks.get(experiment.task(figure.dataset)).primary
    column = f"validation_{primary}" if figure.column == "validation" else figure.column
    value = float(history[history["epoch"] == epoch][column].iloc[0])
    again = float(f"{value:.6g}") if figure.file.name == "learning_curves.csv" else value
    return by_value(f"{figure.file}:{figure} fitted again", figure.value, again)


def _drift(
    experiment: Experiment, metric: Metric, made: list[Run] | list[Ensemble], again: dict[Run, Path], folder: Path
) -> Item:
    """The number then and now, over the same rows and resamples."""
    dataset, model = metric.dataset, metric.model
    gold = read_prepared(experiment.prepared(dataset))
    declared = files.read_json(experiment.settings("evaluate", dataset, model + ".json"))["evaluation"]
    score = scores.by_card(tasks.get(experiment.task(dataset)), experiment.prepared(dataset))[metric.score]
    counts = statistics.resamples(len(gold[metric.split]), declared["bootstrap"], seed=declared["seed"])
    seeds = [entry.seed for entry in made if isinstance(entry, Run)] or None

    def measure(paths: list[Path]) -> statistics.Measured:
        answers = [read(path / "predictions.parquet", gold)[metric.split] for path in paths]
        return statistics.measure(
            score, [score.statistics(gold[metric.split], a) for a in answers], counts, seeds=seeds
        )

    now = [_again(experiment, entry, again, folder) for entry in made]
    found = statistics.difference(
        measure(now), measure([experiment.of(entry) for entry in made]), confidence=declared["confidence"]
    )
    what = f"{metric.file}:{metric} fitted again"
    stored = "not defined" if metric.value is None else f"{metric.value:.6g}"
    if found.value == 0:
        return Item("same", what, f"{stored}, no drift")
    if found.p != found.p:
        return Item("differs", what, f"stored {stored}, drift {found.value:+.4g}; {found.note}")
    word = "more than chance explains" if found.p < 1 - declared["confidence"] else "within chance"
    interval = f"{declared['confidence']:.0%} interval {found.low:+.4g} to {found.high:+.4g}, p = {found.p:.3g}"
    return Item("differs", what, f"stored {stored}, drift {found.value:+.4g}, {interval}: {word}")


def _again(experiment: Experiment, entry: Run | Ensemble, again: dict[Run, Path], folder: Path) -> Path:
    """Folder of the new predictions; an ensemble is combined anew of the members that it chose the first time."""
    if isinstance(entry, Run):
        return again[entry]
    from tuneproof.ensemble import run as stage

    settings = files.read_json(experiment.settings("ensemble", entry.dataset, entry.model, entry.name + ".json"))
    runs = {run.name: place / "predictions.parquet" for run, place in again.items()}
    manifest = files.read_json(experiment.model_manifest(entry.model))
    stage.run(
        settings,
        experiment.prepared(entry.dataset),
        runs,
        folder / "ensemble",
        model=Path(manifest["folder"]),
        tokens=experiment.tokens(entry.dataset, "none", entry.model),
    )
    return folder / "ensemble"
