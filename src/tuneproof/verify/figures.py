"""A figure that is no score, computed again where that can be done without a fit, else held against a sha256.

Tables of `evaluate` and `report` were made again before; what a fit or a trial wrote stands or falls with the sha256
that its run recorded.
"""

from __future__ import annotations

from pathlib import Path

from tuneproof import files, tasks
from tuneproof.errors import TuneproofError
from tuneproof.trace import figures
from tuneproof.trace.experiment import Experiment, Run
from tuneproof.trace.figures import Figure
from tuneproof.verify.again import Again
from tuneproof.verify.items import Item, by_hash, by_value
from tuneproof.verify.sources import best_again

REPEATED = ("report", "evaluate")
"""Stages whose tables were made again."""


def figure(experiment: Experiment, again: Again, found: Figure) -> Item:
    """An item for the figure itself."""
    what = f"{found.file}:{found}"
    try:
        if found.file.relative_to(experiment.results).parts[0] in REPEATED:
            return by_value(what, found.value, in_file(experiment, found, again.new.results))
        value = _from_its_source(experiment, again, found)
    except (TuneproofError, KeyError, ValueError, IndexError) as error:
        return Item("differs", what, f"cannot be computed again: {' '.join(str(error).split())}")
    if value is not None:
        return by_value(what, found.value, value)
    item = by_hash(what, found.file, _recorded(experiment, found))
    return item._replace(detail=f"{found.value:.6g}, by its sha256") if item.outcome == "same" else item


def in_file(experiment: Experiment, found: Figure, folder: Path) -> float | None:
    """The figure in the same file of another results folder."""
    path = folder / found.file.relative_to(experiment.results)
    others = {str(other): other.value for other in figures.of(experiment, path)}
    if str(found) not in others:
        raise TuneproofError("it is not in the table that was made again")
    return others[str(found)]


def _from_its_source(experiment: Experiment, again: Again, found: Figure) -> float | None:
    """The value by other means than the file that states it; None where there are none."""
    import pandas as pd

    from tuneproof.trial import point

    run, name = found.runs[0], found.file.name
    if name == "best.json":
        value = best_again(experiment.cell(run), pd.read_csv(found.file.with_name("trials.csv")))[found.column]
        return float(value)
    if name == "trials.csv":
        start = point(experiment.cell(run), int(found.words[3].removeprefix("trial-"))) or {}
        return start.get(found.column)
    if found.column == "checkpoint_bytes":
        folder = found.file.with_name("checkpoint")
        return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    return _validation(experiment, again, run, found.column) if found.words[-2] == "validation" else None


def _validation(experiment: Experiment, again: Again, run: Run, score: str) -> float | None:
    gold = files.read_frame(again.new.prepared(run.dataset) / "validation.parquet")
    stored = files.read_frame(experiment.of(run) / "predictions.parquet")
    answers = stored[stored["split"] == "validation"].set_index("id", drop=False)
    value = tasks.get(experiment.task(run.dataset)).evaluate(gold, answers.loc[gold["id"]].reset_index(drop=True))
    return value[score]


def _recorded(experiment: Experiment, found: Figure) -> str | None:
    """The sha256 of the figure's file as its run read or wrote it."""
    folder = experiment.of(found.runs[0])
    if found.file.name == "trials.csv":
        read: str | None = files.read_json(folder / "run.json")["inputs"].get("trials")
        return read
    written: str | None = files.read_json(folder / "provenance.json")["files"].get(found.file.name)
    return written
