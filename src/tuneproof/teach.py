"""Stage `teach`: what an ensemble answers to the training rows, for a method that learns from it.

Reads the checkpoints of the ensemble's members and writes `train.parquet` (`id`, and the mean of the members'
probabilities; regression: of their numbers, as `prediction`) and `members.json`. Augmented rows are not answered. Each
member answers in its own run's precision, with its threads, on its kind of device. Members that were left out are
passed over; where all of them were, there are no rows, and `members.json` says so (`left_out`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.train.batches import Tokens

NONE_ANSWERED = "each of its members was left out"


def run(settings: dict[str, Any], *, runs: Path, tokens: Path, card: Path, model: Path, out: Path) -> None:
    """Let the members answer.

    `settings`: `name`, `task`, `members` (`method/seed-N`). `runs` is the folder of all runs of the data set and model,
    `tokens` the tokenized train split without augmentation, `card` the data card, `model` the pre-trained model's
    folder. Raises `DataError` where a file of a run is missing or damaged.
    """
    import pandas as pd

    from tuneproof.train.batches import Tokens

    task, rows = tasks.get(settings["task"]), Tokens.read(tokens)
    labels: list[str] = files.read_json(card)["labels"]
    column = "probabilities" if "probabilities" in task.answers else "prediction"
    answers = {name: _answers(runs / name, model, rows) for name in settings["members"]}
    answered = {name: frame for name, frame in answers.items() if frame is not None}
    about: dict[str, Any] = {
        "name": settings["name"],
        "members": [{"run": name, "manifest_sha256": files.sha256(runs / name / "manifest.json")} for name in answered],
        "unanswered": [name for name in answers if name not in answered],
    }
    if answered:
        weights = [1 / len(answered)] * len(answered)
        together = task.combine(list(answered.values()), weights, labels)[column]
        frame = pd.DataFrame({"id": rows.ids, column: together})
    else:
        about["left_out"] = NONE_ANSWERED
        frame = pd.DataFrame({name: pd.Series(dtype=object) for name in ("id", column)})
    files.write_frame(out / "train.parquet", frame)
    files.write_json(out / "members.json", about)


def _answers(run: Path, model: Path, rows: Tokens) -> pd.DataFrame | None:
    """A run's answers to the rows, from its checkpoint; None where it was left out."""
    import torch

    from tuneproof.train import checkpoint, device
    from tuneproof.train.predict import predict

    about = files.read_json(run / "run.json")
    if "left_out" in about:
        return None
    try:
        threads, kind, precision = about["threads"], about["device"], about["precision"]
    except KeyError as error:
        raise DataError(f"{run / 'run.json'}: {error} is missing; delete the run's folder and run again") from None
    device.make_repeatable(threads)
    tuned, task, labels = checkpoint.load(run / "checkpoint", model)
    torch.nn.Module.to(tuned, device.pick_device("cpu" if kind == "cpu" else "auto"))
    return predict(tuned, task, rows, labels, precision=precision).frame
