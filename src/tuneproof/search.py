"""Learning-rate search of one cell with Optuna: the same number of trials for every method.

Reads tokens and settings, writes `best.json` and `trials.csv` (no dates). The first trial is the tuning's stated
default; the next ones spread evenly over the space (Halton points), then TPE (Bergstra et al. 2011) guides. A trial
whose validation loss falls behind is pruned: the loss tells trials apart from the first epoch on, when scores are
often still all zero. A killed search goes on from its journal: the journal's name holds the
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
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.cell import Cell
from tuneproof.errors import DataError, MethodError, TuneproofError
from tuneproof.seeds import derive

if TYPE_CHECKING:
    import optuna

    from tuneproof.train.loop import Data
    from tuneproof.train.resume import Resume

log = logging.getLogger(__name__)

SEAL = ".seal"
"""Suffix of the file that says what a journal was when its last trial ended."""
COLUMNS = ("trial", "state", "learning_rate", "warmup_ratio", "epochs", "value")
EDGE = 0.1
"""A best rate within this share of the (log) range's end draws a warning."""


def run(
    cell: Cell, data: Data, *, model_folder: Path, fingerprint: str, scratch: Path, out: Path, save_every: float = 60.0
) -> None:
    """Search the cell and write `out/best.json` and `out/trials.csv`.

    `fingerprint` is a digest of all inputs and of the code. The journal lies in `scratch` until the search is done, and
    so does the state of the trial at work, at most `save_every` seconds old. Where the method does not fit the model,
    `best.json` is `{"left_out": reason}` and there are no trials. Raises `TuneproofError` where every trial diverged.
    """
    import optuna
    import pandas as pd
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from tuneproof import tasks
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
        pruner=make_pruner(cell.search.pruner),
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process is gone

    def state_of(rate: float, warmup: float) -> Resume:
        name = f"{cell.dataset}-{cell.model}-{cell.method}-trial"
        return Resume(scratch, name, identity(cell, fingerprint, rate, warmup), seconds=save_every)

    try:
        while (number := len(finished(study))) < cell.search.trials:
            _trial(study, number, cell, data, model_folder, state_of)
            seal(journal)
    except MethodError as error:
        reason = " ".join(str(error).split())
        log.info(f"left out: {reason}")
        files.write_csv(out / "trials.csv", pd.DataFrame(columns=list(COLUMNS)))
        files.write_json(out / "best.json", {"left_out": reason})
        journal.unlink()
        journal.with_suffix(SEAL).unlink(missing_ok=True)
        return

    rows = [_row(i, trial) for i, trial in enumerate(finished(study))]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    complete = frame[frame["state"] == "complete"]
    if complete.empty:
        low, high, _ = cell.learning_rates
        raise TuneproofError(
            f"{cell.dataset}/{cell.model}/{cell.method}: all {len(frame)} trials diverged between {low:g} and {high:g};"
            f" set methods.{cell.method}.learning_rate to a lower range"
        )
    winner = complete.sort_values(["value", "trial"], ascending=[False, True]).iloc[0]
    low, high, _ = cell.learning_rates
    files.write_csv(out / "trials.csv", frame)
    files.write_json(
        out / "best.json",
        {
            "learning_rate": float(winner["learning_rate"]),
            "warmup_ratio": float(winner["warmup_ratio"]),
            "score": tasks.get(cell.task).primary,
            "value": float(winner["value"]),
            "trial": int(winner["trial"]),
            "trials": len(frame),
            "range": [low, high],
            "edge": edge(float(winner["learning_rate"]), low, high),
        },
    )
    journal.unlink()
    journal.with_suffix(SEAL).unlink()


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that count towards the budget, in order: complete, pruned, or diverged."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    return [
        trial
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or "diverged" in trial.user_attrs
    ]


def startup_points(count: int, seed: int) -> list[tuple[float, float]]:
    """Points in the unit square that cover it evenly (scrambled Halton sequence)."""
    from scipy.stats import qmc

    return [(float(x), float(y)) for x, y in qmc.Halton(d=2, rng=seed).random(count)]


def make_pruner(name: str) -> optuna.pruners.BasePruner:
    """The pruner by its name in params; each looks at the validation loss after every epoch."""
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=0)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    return optuna.pruners.NopPruner()


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

    A journal that is not what was sealed is removed, with a line in the log: all its trials are run again.
    """
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
    state_of: Callable[[float, float], Resume],
) -> None:
    """Run trial `number` of the budget; `state_of(rate, warm-up)` is where its fit keeps its state."""
    import optuna
    from optuna.trial import TrialState

    from tuneproof import tasks
    from tuneproof.progress import Progress
    from tuneproof.train.loop import DivergedError, fit

    low, high, first = cell.learning_rates
    warmup_low, warmup_high = cell.search.warmup_ratio
    if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        pass  # a killed search had enqueued this one
    elif number == 0:
        study.enqueue_trial(_point(first, (warmup_low + warmup_high) / 2))
    elif number < cell.search.startup:
        x, y = startup_points(cell.search.startup, derive(cell.search.seed, "halton"))[number]
        rate = math.exp(math.log(low) + x * (math.log(high) - math.log(low)))
        study.enqueue_trial(_point(rate, warmup_low + y * (warmup_high - warmup_low)))
    study.sampler = optuna.samplers.TPESampler(seed=derive(cell.search.seed, "tpe", number) % 2**32, n_startup_trials=1)
    trial = study.ask()
    rate = trial.suggest_float("learning_rate", low, high, log=True)
    warmup = trial.suggest_float("warmup_ratio", warmup_low, warmup_high)
    primary = tasks.get(cell.task).primary
    keep = state_of(rate, warmup)

    def after_epoch(line: dict[str, float]) -> None:
        epoch = int(line["epoch"])
        trial.report(-line["validation_loss"], epoch)
        trial.set_user_attr("epochs", epoch)
        trial.set_user_attr("score", line[f"validation_{primary}"])
        if epoch < cell.training.epochs and trial.should_prune():
            raise optuna.TrialPruned

    try:
        with Progress(f"trial {number + 1} of {cell.search.trials}, learning rate {rate:.2e}") as progress:
            result = fit(
                cell,
                data,
                model_folder=model_folder,
                learning_rate=rate,
                warmup_ratio=warmup,
                seed=derive(cell.search.seed, "search"),
                after_epoch=after_epoch,
                progress=progress.update,
                keep=keep,
            )
        value = result.scores()[primary]
        study.tell(trial, value)
        log.info(f"trial {number + 1}: {primary} {value:.4f} at {rate:.2e}")
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        log.info(f"trial {number + 1}: pruned, {primary} {trial.user_attrs['score']:.4f} at {rate:.2e}")
    except DivergedError as error:
        trial.set_user_attr("diverged", str(error))
        study.tell(trial, state=TrialState.FAIL)
        log.info(f"trial {number + 1}: {error}")
    except MethodError:
        keep.clear()
        raise
    keep.clear()


def _point(learning_rate: float, warmup_ratio: float) -> dict[str, float]:
    return {"learning_rate": learning_rate, "warmup_ratio": warmup_ratio}


def _row(number: int, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    state = "diverged" if "diverged" in trial.user_attrs else trial.state.name.lower()
    return {
        "trial": number,
        "state": state,
        **{key: trial.params[key] for key in ("learning_rate", "warmup_ratio")},
        "epochs": trial.user_attrs.get("epochs", 0),
        "value": trial.value if state == "complete" else trial.user_attrs.get("score"),
    }
