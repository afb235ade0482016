"""One trial of a search: its point in the space that is searched, and its fit.

The first trial is the tuning's stated default; the next ones spread evenly over the space (Halton points); then TPE
(Bergstra et al. 2011) guides. A trial's randomness comes from its number. A trial whose validation loss falls behind is
pruned: the loss tells trials apart from the first epoch on, when scores are often still all zero.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.cell import Cell
from tuneproof.errors import MethodError
from tuneproof.seeds import derive

if TYPE_CHECKING:
    import optuna

    from tuneproof.train.loop import Data
    from tuneproof.train.resume import Resume

log = logging.getLogger(__name__)


class Dimension(NamedTuple):
    """One of the settings that are searched."""

    name: str
    low: float
    high: float
    first: float
    """Its value in the first trial."""
    log: bool = False

    def at(self, share: float) -> float:
        """The value at a share of the way from low to high."""
        if self.log:
            return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        return self.low + share * (self.high - self.low)


def dimensions(cell: Cell) -> list[Dimension]:
    """The space that is searched, in the order of the columns of trials.csv."""
    warmup_low, warmup_high = cell.search.warmup_ratio
    found = [
        Dimension("learning_rate", *cell.learning_rates, log=True),
        Dimension("warmup_ratio", warmup_low, warmup_high, (warmup_low + warmup_high) / 2),
    ]
    for name, (low, high) in cell.search.further().items():
        given = getattr(cell.training, name)
        first = (low + high) / 2 if given is None else min(max(given, low), high)
        found.append(Dimension(name, low, high, first))
    return found


def point(cell: Cell, number: int) -> dict[str, float] | None:
    """Where trial `number` lies; None where TPE is asked."""
    space = dimensions(cell)
    if number == 0:
        return {dimension.name: dimension.first for dimension in space}
    if number < cell.search.startup:
        points = startup_points(cell.search.startup, derive(cell.search.seed, "halton"), len(space))
        return {dimension.name: dimension.at(share) for dimension, share in zip(space, points[number], strict=True)}
    return None


def startup_points(count: int, seed: int, dimensions: int) -> list[tuple[float, ...]]:
    """Points in the unit cube that cover it evenly (scrambled Halton sequence)."""
    from scipy.stats import qmc

    return [tuple(map(float, found)) for found in qmc.Halton(d=dimensions, rng=seed).random(count)]


def make_sampler(cell: Cell, number: int, *, together: bool = False) -> optuna.samplers.TPESampler:
    """Guides trial `number`; `together` with others that are at work, it keeps away from where they are."""
    import optuna

    seed = derive(cell.search.seed, "tpe", number) % 2**32
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, constant_liar=together)


def make_pruner(name: str) -> optuna.pruners.BasePruner:
    """The pruner by its name in params; each looks at the validation loss after every epoch."""
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=0)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    return optuna.pruners.NopPruner()


def suggest(trial: optuna.Trial, cell: Cell) -> dict[str, float]:
    """The point of a trial, by its sampler or as it was enqueued."""
    return {
        dimension.name: trial.suggest_float(dimension.name, dimension.low, dimension.high, log=dimension.log)
        for dimension in dimensions(cell)
    }


def counts(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a trial counts towards the budget: complete, pruned, or diverged."""
    from optuna.trial import TrialState

    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or "diverged" in trial.user_attrs


def run(
    study: optuna.Study,
    trial: optuna.Trial,
    number: int,
    values: dict[str, float],
    *,
    cell: Cell,
    data: Data,
    model_folder: Path,
    keep: Resume,
) -> None:
    """Fit trial `number` of the budget at its point and tell the study; `keep` holds the state of the fit.

    Raises `MethodError` where the method does not fit the model.
    """
    import optuna
    from optuna.trial import TrialState

    from tuneproof import tasks
    from tuneproof.progress import Progress
    from tuneproof.train.loop import DivergedError, fit

    primary, rate = tasks.get(cell.task).primary, values["learning_rate"]

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
                cell.chosen(values),
                data,
                model_folder=model_folder,
                learning_rate=rate,
                warmup_ratio=values["warmup_ratio"],
                seed=derive(cell.search.seed, "search"),
                after_epoch=after_epoch,
                progress=progress.update,
                keep=keep,
            )
        value = result.scores()[primary]
        study.tell(trial, value, skip_if_finished=True)
        log.info(f"trial {number + 1}: {primary} {value:.4f} at {rate:.2e}")
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
        log.info(f"trial {number + 1}: pruned, {primary} {trial.user_attrs['score']:.4f} at {rate:.2e}")
    except DivergedError as error:
        trial.set_user_attr("diverged", str(error))
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        log.info(f"trial {number + 1}: {error}")
    except MethodError:
        keep.clear()
        raise
    keep.clear()


def row(number: int, trial: optuna.trial.FrozenTrial, names: list[str]) -> dict[str, Any]:
    """A trial's row of trials.csv; `names` are the searched settings."""
    state = "diverged" if "diverged" in trial.user_attrs else trial.state.name.lower()
    return {
        "trial": number,
        "state": state,
        **{name: trial.params[name] for name in names},
        "epochs": trial.user_attrs.get("epochs", 0),
        "value": trial.value if state == "complete" else trial.user_attrs.get("score"),
    }
