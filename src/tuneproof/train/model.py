"""A fresh pre-trained model with the task's head, from a local folder."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof.errors import DataError
from tuneproof.train.dropout import install as install_dropout
from tuneproof.tunings.structure import head_modules

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


def load_base(
    folder: Path, task: Task, labels: list[str], *, seed: int, dropout: float | None = None
) -> PreTrainedModel:
    """Load the body's weights (safetensors) and draw the head from `seed`.

    Weights that the checkpoint lacks apart from the head (a pooler, say) are always drawn alike, so that a frozen one
    is the same again when a tuned checkpoint is loaded. Raises `DataError` where the folder holds no loadable model.
    """
    import torch
    import transformers

    quiet()
    torch.manual_seed(0)
    auto = getattr(transformers, task.auto_class)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        if task.name == "regression":
            config.problem_type = "regression"
        if dropout is not None:
            for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
                if hasattr(config, name):
                    setattr(config, name, dropout)
        model = auto.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,  # never a pickle
            trust_remote_code=False,  # without it, transformers asks on the terminal
            attn_implementation="eager",
        ).float()
    except Exception as error:  # a stranger's folder: the libraries raise whatever comes, RecursionError included
        reason = "config.json and weights differ in size" if "mismatched_sizes" in str(error) else str(error)
        reason = " ".join(reason.split())[:300] or type(error).__name__
        raise DataError(f"{folder}: no model for {task.name} can be loaded ({reason})") from error
    install_dropout(model)
    torch.manual_seed(seed)
    for name in head_modules(model):
        for module in model.get_submodule(name).modules():
            for parameter in module.parameters(recurse=False):
                parameter._is_hf_initialized = False  # otherwise transformers takes it for a loaded one
            model._init_weights(module)
    return model


def learned(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that learn, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def quiet() -> None:
    """Silence transformers' loading bars and its report of the freshly drawn head, which is what we ask for."""
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    # peft asks transformers for a name that transformers has given up
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    logging.getLogger("peft").setLevel(logging.ERROR)
