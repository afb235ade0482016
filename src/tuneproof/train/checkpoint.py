"""Checkpoints: what was learned, and enough to put it back onto its base model.

A checkpoint folder holds what the tuning's `save` wrote (a whole model, a peft adapter, or the learned tensors) and
`tuneproof.json`, which names task, labels, tuning and base model.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, registry, tasks, tunings
from tuneproof.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.cell import Cell
    from tuneproof.tasks.base import Task

META = "tuneproof.json"


def save(model: PreTrainedModel, cell: Cell, labels: list[str], *, seed: int, steps: int, folder: Path) -> None:
    """Write a checkpoint folder in one step: it is complete or absent."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=files.PART))
    try:
        registry.build(tunings.TUNINGS, cell.tuning).save(model, temporary)
        meta = {
            "task": cell.task,
            "labels": labels,
            "tuning": cell.tuning,
            "model": cell.model,
            "seed": seed,
            "steps": steps,
            "dropout": cell.training.dropout,
        }
        files.write_json(temporary / META, meta)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def load(folder: Path, base: Path) -> tuple[PreTrainedModel, Task, list[str]]:
    """Put a checkpoint back onto the pre-trained model in `base`; the result predicts exactly as the saved one did.

    Raises `DataError` where a file is missing or broken.
    """
    from tuneproof.train import first_token
    from tuneproof.train.model import load_base

    meta: dict[str, Any] = files.read_json(folder / META)
    try:
        task, labels = tasks.get(meta["task"]), [str(label) for label in meta["labels"]]
        tuning = registry.build(tunings.TUNINGS, meta["tuning"])
        model = load_base(base, task, labels, seed=0, dropout=meta["dropout"])
        tuned = tuning.load(model, task, folder)
        first_token.install(tuned)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder}: the checkpoint cannot be loaded ({' '.join(str(error).split())[:200]})") from error
    return tuned.eval(), task, labels


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """sha256 and size in bytes of each file of a checkpoint, by relative name."""
    return {
        path.relative_to(folder).as_posix(): {"sha256": files.sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".snakemake_timestamp"
    }
