"""Trackers as options: finished runs shown in TensorBoard, DVCLive, MLflow or Weights & Biases.

Reads a run's `run.json` and `history.csv`; writes below `tracking/`, and nothing that a stage reads. Which trackers are
wanted stands in the environment variable `TUNEPROOF_TRACK`, not in params: it changes no number, so no fit may run
again for it. A tracker is a function `write(run, rows, name, folder)`; one line in `TRACKERS` adds one.
"""

from __future__ import annotations

import csv
import importlib.util
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError, TuneproofError
from tuneproof.mistakes import unknown

log = logging.getLogger(__name__)

VARIABLE = "TUNEPROOF_TRACK"
FOLDER = Path("tracking")
SETTINGS = (
    *("dataset", "model", "method", "seed", "learning_rate", "warmup_ratio", "weight_decay", "dropout"),
    *("precision", "device"),
)
"""What is shown of a run's settings, where it has them."""

Row = dict[str, float]
"""A line of the history: `epoch`, `step`, `learning_rate`, `train_loss`, `validation_…`."""


class Tracker(NamedTuple):
    """The library that must be there, what installs it, and who writes one run: (run, rows, name, folder)."""

    library: str
    install: str
    write: Callable[[dict[str, Any], list[Row], str, Path], None]


def chosen(names: str | None = None) -> list[str]:
    """The wanted trackers, from `names` or else the environment; separated by commas.

    Raises `TuneproofError` for a name that is none, and for one whose library is not installed.
    """
    given = os.environ.get(VARIABLE, "") if names is None else names
    found = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    for name in found:
        if name not in TRACKERS:
            raise TuneproofError(f"{VARIABLE}: {unknown(name, TRACKERS)}")
        if importlib.util.find_spec(TRACKERS[name].library) is None:
            raise TuneproofError(f"{VARIABLE}: {name} is not installed; run: {TRACKERS[name].install}")
    return found


def track(folder: Path, names: Iterable[str], root: Path = FOLDER) -> None:
    """Write one finished run (the folder that holds its run.json) for each tracker, in place of an earlier writing.

    A run that was left out has nothing to show and is passed over. Raises `DataError` where the run is not there.
    """
    run, rows = files.read_json(folder / "run.json"), _history(folder / "history.csv")
    if "left_out" in run:
        log.info(f"{folder}: left out ({run['left_out']})")
        return
    experiment = folder.resolve().parents[4].name  # train/dataset/model/method/seed
    name = "/".join([experiment, run["dataset"], run["model"], run["method"], f"seed-{run['seed']}"])
    for tracker in names:
        TRACKERS[tracker].write(run, rows, name, root / tracker)


def track_or_warn(folder: Path, names: Iterable[str], root: Path = FOLDER) -> None:
    """As `track`, but what a tracker's library raises becomes a warning: a finished fit must not be lost by it."""
    for name in names:
        try:
            track(folder, [name], root)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            log.warning(f"{name} could not record {folder} ({reason}); later: tuneproof track --with {name}")


def _history(path: Path) -> list[Row]:
    if not path.is_file():
        raise DataError(f"{path}: file not found")
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def _settings(run: dict[str, Any]) -> dict[str, Any]:
    """What was set, as plain values."""
    return {key: run[key] for key in SETTINGS if key in run}


def _curves(row: Row) -> Row:
    """The numbers of an epoch that make a curve."""
    return {key: value for key, value in row.items() if key not in ("epoch", "step")}


def _outcome(run: dict[str, Any]) -> Row:
    """Validation scores of the run's predictions."""
    return {f"final/{name}": float(value) for name, value in run["validation"].items() if value is not None}


def _emptied(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


# one function a tracker


def _tensorboard(run: dict[str, Any], rows: list[Row], name: str, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(_emptied(folder / name))) as writer:
        writer.add_text("settings", "\n".join(f"- {key}: {value}" for key, value in _settings(run).items()))
        for row in rows:
            for key, value in _curves(row).items():
                writer.add_scalar(key, value, int(row["step"]))
        for key, value in _outcome(run).items():
            writer.add_scalar(key, value, int(rows[-1]["step"]))


def _dvclive(run: dict[str, Any], rows: list[Row], name: str, folder: Path) -> None:
    from dvclive.live import Live

    place = str(_emptied(folder / name))
    with Live(dir=place, save_dvc_exp=False, dvcyaml=None, report=None, monitor_system=False) as live:
        live.log_params(_settings(run))
        for row in rows:
            live.step = int(row["step"])
            for key, value in _curves(row).items():
                live.log_metric(key, value)
        for key, value in _outcome(run).items():
            live.log_metric(key, value, plot=False)


def _mlflow(run: dict[str, Any], rows: list[Row], name: str, folder: Path) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(f"sqlite:///{folder.resolve()}/mlflow.db")
    experiment, _, title = name.partition("/")
    known = client.get_experiment_by_name(experiment)
    number = known.experiment_id if known else client.create_experiment(experiment, f"{folder.resolve()}/artifacts")
    for old in client.search_runs([number], f"attributes.run_name = '{title}'"):
        client.delete_run(old.info.run_id)
    made = client.create_run(number, run_name=title).info
    metrics = [Metric(key, value, 0, int(row["step"])) for row in rows for key, value in _curves(row).items()]
    metrics += [Metric(key, value, 0, int(rows[-1]["step"])) for key, value in _outcome(run).items()]
    params = [Param(key, str(value)) for key, value in _settings(run).items()]
    client.log_batch(made.run_id, metrics=metrics, params=params)
    client.set_terminated(made.run_id)


def _wandb(run: dict[str, Any], rows: list[Row], name: str, folder: Path) -> None:
    import wandb

    experiment, _, title = name.partition("/")
    place = str(_emptied(folder / name))
    settings = wandb.Settings(mode="offline", silent=True, disable_git=True, save_code=False, console="off")
    with wandb.init(project=experiment, name=title, config=_settings(run), dir=place, settings=settings) as live:
        for row in rows:
            live.log(_curves(row), step=int(row["step"]))
        live.summary.update(_outcome(run))


TRACKERS = {
    "tensorboard": Tracker("tensorboard", "pip install 'tuneproof[trackers]'", _tensorboard),
    "dvclive": Tracker("dvclive", "pip install 'tuneproof[trackers]'", _dvclive),
    "mlflow": Tracker("mlflow", "pip install mlflow", _mlflow),
    "wandb": Tracker("wandb", "pip install wandb", _wandb),
}
