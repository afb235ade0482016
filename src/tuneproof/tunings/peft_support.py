"""What the tunings made of `peft` share: wrap with the head, save and load folders that plain peft reads too.

A folder holds `adapter_model.safetensors` and `adapter_config.json`; `peft.PeftModel.from_pretrained(base, folder)`
loads it, head included. It names no path of the machine it was written on, and equal fits give equal bytes.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, cast

from tuneproof import files
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.tunings import structure, weights

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

Targets = Literal["attention", "all-linear"]
_MEANT = (
    "Failed to load the CUDA extension",
    "Setting boft_n_butterfly_factor to 1",
    "Sparse invariant checks are implicitly disabled",  # SHiRA
    "Specified to not save basis_A and basis_B",  # RandLoRA
    "Unsupported layer type .*(LayerNorm|RMSNorm)",  # LN tuning
)
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def prepare() -> None:
    """Silence what peft warns of though it is meant, and let it compile no CUDA code for BOFT behind our back."""
    from peft.tuners.boft import layer

    cast(Any, layer)._FBD_CUDA = False
    for message in _MEANT:
        warnings.filterwarnings("ignore", message=message)


def linears(model: PreTrainedModel, targets: Targets) -> dict[str, nn.Linear]:
    """The linear layers that are meant, by full name; empty where none is found by name.

    `attention`: query and value, the choice of the LoRA paper, or fused projections where there are no others;
    `all-linear`: every one of the body, pooler included. The head's layers are never among them, though peft's own
    `all-linear` takes the head of a token classifier for a part of the body.
    """
    from torch import nn

    if targets == "attention":
        return structure.linears(model, "query", "value") or structure.linears(model, "query_key_value")
    body = f"{model.base_model_prefix}."
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(body)
    }


def target_modules(model: PreTrainedModel, targets: Targets) -> str | list[str]:
    """The same layers as peft's `target_modules`: a regular expression, or a list of names.

    Raises `MethodError` where there are none.
    """
    pattern = structure.pattern(model, "query", "value") or structure.pattern(model, "query_key_value")
    found = pattern if targets == "attention" else sorted(linears(model, targets))
    if not found:
        raise MethodError(f"no {targets} layers found by name in {type(model).__name__} ({model.config.model_type})")
    return found


class Widths(NamedTuple):
    """What the widths of some linear layers have in common, for arguments that must divide or not exceed them."""

    inputs: int
    """Greatest common divisor of their numbers of inputs."""
    outputs: int
    """The same of their outputs."""
    entries: int
    """Entries of the smallest weight matrix."""

    @classmethod
    def of(cls, layers: dict[str, nn.Linear]) -> Self:
        inputs = [layer.in_features for layer in layers.values()]
        outputs = [layer.out_features for layer in layers.values()]
        return cls(math.gcd(*inputs), math.gcd(*outputs), min(map(math.prod, zip(inputs, outputs, strict=True))))

    @property
    def both(self) -> int:
        return math.gcd(self.inputs, self.outputs)


def divisor(width: int, limit: int) -> int:
    """The largest divisor of a width that is not above a limit."""
    return next(size for size in range(min(width, limit), 0, -1) if width % size == 0)


def drawn_seed() -> int:
    """A seed for what peft draws apart from torch's global generator: frozen projections, places of entries."""
    import torch

    return int(torch.randint(2**31, ()))


def wrap(model: PreTrainedModel, task: Task, config: PeftConfig) -> PreTrainedModel:
    """Freeze the model and put peft's layers into it; these and the head learn.

    Raises `MethodError` where peft cannot.
    """
    from peft import TaskType, get_peft_model

    config.task_type = TaskType(task.peft_type)
    config.modules_to_save = structure.head_modules(model)  # type: ignore[attr-defined]
    try:
        return get_peft_model(model, config)  # type: ignore[return-value]
    except (ValueError, TypeError) as error:
        raise MethodError(f"peft cannot wrap {type(model).__name__}: {' '.join(str(error).split())}") from error


def config_of(model: PreTrainedModel) -> Any:
    """The configuration of the one adapter that `wrap` made."""
    return cast(Any, model).peft_config["default"]


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write peft's layers and the head, and the configuration that rebuilds them.

    Not `save_pretrained`, as this writes the base model's path, sets in the order of their hashes and a model card,
    and may ask the hub about the vocabulary.
    """
    from peft import get_peft_model_state_dict

    # after the tensors, as asking for them brings AdaLoRA's `rank_pattern` into the file's form
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    content = {**config_of(model).to_dict(), "inference_mode": True, "base_model_name_or_path": None}
    content["modules_to_save"] = sorted(set(content["modules_to_save"]))
    for key, value in content.items():
        content[key] = sorted(value) if isinstance(value, set) else value
    # copies, as some layers share what they do not learn, which safetensors refuses
    weights.write(folder / WEIGHTS, {name: tensor.clone() for name, tensor in tensors.items()})
    files.write_json(folder / CONFIG, content)


def load(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Put a saved folder onto a fresh model, for prediction.

    Raises `TuneproofError` where files are missing or do not fit the model.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    prepare()
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():  # peft would ask the hub for it
            raise TuneproofError(f"{folder / name}: file not found")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(model, folder, torch_device=str(model.device))  # type: ignore[return-value]
        except (SafetensorError, UserWarning, KeyError, RuntimeError, ValueError) as error:
            raise TuneproofError(f"{folder}: does not fit the model ({' '.join(str(error).split())})") from error
