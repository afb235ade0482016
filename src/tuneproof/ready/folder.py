"""The folder of a ready model: weights, `ready.json`, tokenizer, model card.

Where the tuned model is an ordinary transformers model, so is the folder: `AutoModelFor….from_pretrained(folder)`.
Otherwise it holds what the tuning saves (for peft's methods an adapter that plain peft loads) and the pre-trained model
in `base/`. Either way `load` needs nothing else, and weights are safetensors.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.errors import DataError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.cell import Cell
    from tuneproof.challenge.predictor import Predictor
    from tuneproof.trace.experiment import Experiment

ABOUT = "ready.json"
SCHEMA_VERSION = 1
BASE = "base"
ADAPTER = "adapter_config.json"
WHOLE, PARTS = "transformers", "tuned parts"


def save(
    model: PreTrainedModel,
    cell: Cell,
    about: dict[str, Any],
    *,
    base: Path,
    experiment: Experiment,
    folder: Path,
) -> None:
    """Fill an empty folder. `base`: the pre-trained model's; `about`: what `fit` tells."""
    from tuneproof.ready import card
    from tuneproof.tokenize import load_tokenizer
    from tuneproof.train import checkpoint
    from tuneproof.train.model import load_base

    if is_whole(model, cell.task):
        model.save_pretrained(folder)
        kind = WHOLE
    else:
        checkpoint.save(model, cell, about["labels"], seed=about["seed"], steps=about["steps"], folder=folder / "tuned")
        for path in sorted((folder / "tuned").iterdir()):  # plain peft looks for its adapter at the top
            path.rename(folder / path.name)
        (folder / "tuned").rmdir()
        if (folder / ADAPTER).is_file():
            # complete, with what the pre-trained weights lack (a pooler, say), which peft would draw anew
            load_base(base, tasks.get(cell.task), about["labels"], seed=0).save_pretrained(folder / BASE)
        else:
            _copy(base, files.read_json(experiment.model_manifest(cell.model))["files"], folder / BASE)
        kind = PARTS
    load_tokenizer(base).save_pretrained(folder)
    told = {"schema": SCHEMA_VERSION, "format": kind, "peft": (folder / ADAPTER).is_file(), **about}
    files.write_json(folder / ABOUT, told)
    files.write_text(folder / "README.md", card.of_ready(told, experiment))


def _copy(source: Path, names: Iterable[str], target: Path) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def is_whole(model: nn.Module, task: str) -> bool:
    """Whether the auto class builds the very same modules from the configuration, so that weights are all there is."""
    import torch
    import transformers

    if not isinstance(model, transformers.PreTrainedModel):
        return False
    with torch.device("meta"):
        plain = getattr(transformers, tasks.get(task).auto_class).from_config(model.config)
    return {k: v.shape for k, v in plain.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}


def about(folder: Path) -> dict[str, Any]:
    """ready.json. Raises `DataError` where the folder is no ready model."""
    path = folder / ABOUT
    if not path.is_file():
        raise DataError(f"{folder}: no ready model ({ABOUT} not found); allowed: a folder that tuneproof fit wrote")
    content = files.read_json(path)
    lacking = [key for key in ("format", "task", "labels", "max_length", "precision") if key not in content]
    if not isinstance(content, dict) or lacking:
        raise DataError(f"{path}: {', '.join(lacking)} missing; train it again with tuneproof fit")
    return content


def load(folder: Path) -> Predictor:
    """The model with its tokenizer, ready to answer. Raises `DataError` where a file is missing or damaged."""
    import torch

    from tuneproof.challenge.predictor import Predictor
    from tuneproof.tokenize import load_tokenizer
    from tuneproof.train import checkpoint, device

    told = about(folder)
    model = _whole(folder, told["task"]) if told["format"] == WHOLE else checkpoint.load(folder, folder / BASE)[0]
    torch.nn.Module.to(model, device.pick_device("auto"))
    task, tokenizer = tasks.get(told["task"]), load_tokenizer(folder)
    labels = [str(label) for label in told["labels"]]
    return Predictor(model.eval(), tokenizer, task, labels, max_length=told["max_length"], precision=told["precision"])


def _whole(folder: Path, task: str) -> PreTrainedModel:
    import transformers

    from tuneproof.train import dropout, first_token
    from tuneproof.train.model import quiet

    quiet()
    try:
        model: PreTrainedModel = getattr(transformers, tasks.get(task).auto_class).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,  # never a pickle
            trust_remote_code=False,
            attn_implementation="eager",
        )
    except Exception as error:  # whatever a damaged folder makes the libraries raise
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(f"{folder}: the model cannot be loaded ({reason})") from error
    dropout.install(model)  # the attention that the fit had, so that its bits come back
    first_token.install(model)
    return model
