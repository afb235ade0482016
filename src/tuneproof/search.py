"""Learning-rate search of one cell with Optuna: the same number of trials for every method.

Reads tokens and settings, writes `best.json` and `trials.csv` (no dates). A trial's point and fit are in `trial.py`.
Here, one job does all trials; where params ask for several workers, they share the study of `shared_study.py`, and
this stage collects what they found. A killed search goes on from its journal: the journal's name holds the
hash of all inputs, so that trials of other data or settings are never believed, and each trial's randomness comes
from its number, so that the outcome is that of an undisturbed search. A method that does not fit the model is no
mistake: `best.json` then says why, and the stages behind pass it over.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files
from tuneproof import trial as trials
from tuneproof.cell import Cell
from tuneproof.errors import DataError, MethodError, TuneproofError

if TYPE_CHECKING:
    import optuna

    from tuneproof.train.loop import Data
    from tuneproof.train.resume import Resume

log = logging.getLogger(__name__)

SEAL = ".seal"
"""Suffix of the file that says what a journal was when its last trial ended."""
LOCK = ".lock"
"""Suffix of Optuna's own lock on a journal."""
EDGE = 0.1
"""A best rate within this share of the (log) range's end draws a warning."""


def run(
    cell: Cell,
    data: Data,
    *,
    model_folder: Path,
    fingerprint: str,
    scratch: Path,
    out: Path,
    save_every: float = 60.0,
    worker: int | None = None,
) -> None:
    """Search the cell and write `out/best.json`, `out/trials.csv` and `out/cost.json`.

    `fingerprint` is a digest of all inputs and of the code. The journal lies in `scratch` until the search is done, and
    so does the state of the trial at work, at most `save_every` seconds old. Where the method does not fit the model,
    `best.json` is `{"left_out": reason}` and there are no trials. Raises `TuneproofError` where every trial diverged.

    With a number as `worker`, take part in the study of several workers until no trial is left to begin, and write
    nothing; without one, do what they left undone, and collect.
    """
    if worker is None and cell.search.workers == 1:
        _alone(cell, data, model_folder, fingerprint, scratch, out, save_every)
        return
    from tuneproof.shared_study import COLLECTOR, SharedStudy

    name = COLLECTOR if worker is None else f"worker-{worker}"
    with SharedStudy(cell, fingerprint=fingerprint, scratch=scratch, worker=name, save_every=save_every) as shared:
        shared.work(data, model_folder, wait=worker is None)
        if worker is None:
            found, left_out = shared.collect()
            write(cell, found, out, left_out=left_out)
            shared.forget()


def _alone(
    cell: Cell, data: Data, model_folder: Path, fingerprint: str, scratch: Path, out: Path, save_every: float
) -> None:
    """All trials in this process, one after another."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from tuneproof.train.resume import Resume, identity

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = scratch / f"{cell.dataset}-{cell.model}-{cell.method}-{fingerprint[:16]}.journal"
    journal.parent.mkdir(parents=True, exist_ok=True)
    take_back(journal)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name=fingerprint,
        direction="maximize",
        load_if_exists=True,
        pruner=trials.make_pruner(cell.search.pruner),
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process is gone

    def state_of(values: dict[str, float]) -> Resume:
        name = f"{cell.dataset}-{cell.model}-{cell.method}-trial"
        return Resume(scratch, name, identity(cell, fingerprint, *values.values()), seconds=save_every)

    left_out = None
    try:
        while (number := len(finished(study))) < cell.search.trials:
            _trial(study, number, cell, data, model_folder, state_of)
            seal(journal)
    except MethodError as error:
        left_out = " ".join(str(error).split())
    write(cell, finished(study), out, left_out=left_out)
    journal.unlink()
    journal.with_suffix(SEAL).unlink(missing_ok=True)


def write(cell: Cell, found: list[optuna.trial.FrozenTrial], out: Path, *, left_out: str | None) -> None:
    """Write `best.json`, `trials.csv` and `cost.json` (seconds of all trials) of a search that is done.

    `left_out` says why the method cannot run.
    """
    import pandas as pd

    from tuneproof import tasks

    seconds = sum(trial.duration.total_seconds() for trial in found if trial.duration is not None)
    files.write_json(out / "cost.json", {"seconds": round(seconds, 3), "trials": len(found)})
    names = [dimension.name for dimension in trials.dimensions(cell)]
    columns = ["trial", "state", *names, "epochs", "value"]
    if left_out is not None:
        log.info(f"left out: {left_out}")
        files.write_csv(out / "trials.csv", pd.DataFrame(columns=columns))
        files.write_json(out / "best.json", {"left_out": left_out})
        return
    frame = pd.DataFrame([trials.row(i, trial, names) for i, trial in enumerate(found)], columns=columns)
    complete = frame[frame["state"] == "complete"]
    low, high, _ = cell.learning_rates
    if complete.empty:
        raise TuneproofError(
            f"{cell.dataset}/{cell.model}/{cell.method}: all {len(frame)} trials diverged between {low:g} and {high:g};"
            f" set methods.{cell.method}.learning_rate to a lower range"
        )
    winner = complete.sort_values(["value", "trial"], ascending=[False, True]).iloc[0]
    best = {
        **{name: float(winner[name]) for name in names},
        "score": tasks.get(cell.task).primary,
        "value": float(winner["value"]),
        "trial": int(winner["trial"]),
        "trials": len(frame),
        "range": [low, high],
        "edge": edge(float(winner["learning_rate"]), low, high),
    }
    files.write_csv(out / "trials.csv", frame)
    files.write_json(out / "best.json", best | ({"workers": cell.search.workers} if cell.search.workers > 1 else {}))


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that count towards the budget, in order."""
    return [trial for trial in study.get_trials(deepcopy=False) if trials.counts(trial)]


def edge(rate: float, low: float, high: float) -> str | None:
    """`low` or `high` where the best rate lies at an end of its range, so that the true best may lie beyond."""
    place = (math.log(rate) - math.log(low)) / (math.log(high) - math.log(low))
    return "low" if place < EDGE else "high" if place > 1 - EDGE else None


def fingerprint(paths: Sequence[Path]) -> str:
    """One digest over the content of several files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(files.sha256(path).encode())
    return digest.hexdigest()


def seal(journal: Path) -> None:
    """Note how long the journal is and what its content is, once a trial has ended."""
    content = journal.read_bytes()
    sealed = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files.write_json(journal.with_suffix(SEAL), sealed)


def take_back(journal: Path) -> None:
    """Cut off what was written after the last seal: a trial that did not end, or half a line.

    A journal that is not what was sealed is removed, with a line in the log: all its trials are run again. So is a lock
    that a kill in the middle of a write left behind: nobody else is at work, and Optuna would wait for it for ever.
    """
    Path(f"{journal}{LOCK}").unlink(missing_ok=True)
    if not journal.exists():
        return
    content = journal.read_bytes()
    try:
        sealed = files.read_json(journal.with_suffix(SEAL))
        whole, sha256 = content[: sealed["bytes"]], sealed["sha256"]
    except (DataError, KeyError, TypeError):  # no trial has ended yet, or the seal itself is damaged
        whole, sha256 = b"", ""
    if hashlib.sha256(whole).hexdigest() != sha256:
        log.info(f"{journal}: no whole journal of ended trials; the search begins anew")
        journal.unlink()
    elif len(whole) < len(content):
        os.truncate(journal, len(whole))


def _trial(
    study: optuna.Study,
    number: int,
    cell: Cell,
    data: Data,
    model_folder: Path,
    state_of: Callable[[dict[str, float]], Resume],
) -> None:
    """Run trial `number` of the budget; `state_of(point)` is where its fit keeps its state."""
    from optuna.trial import TrialState

    if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        pass  # a killed search had enqueued this one
    elif (point := trials.point(cell, number)) is not None:
        study.enqueue_trial(point)
    study.sampler = trials.make_sampler(cell, number)
    trial = study.ask()
    values = trials.suggest(trial, cell)
    keep = state_of(values)
    trials.run(study, trial, number, values, cell=cell, data=data, model_folder=model_folder, keep=keep)
