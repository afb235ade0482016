"""What the tunings made of `peft` share: wrap with the head, save and load folders that plain peft reads too.

A folder holds `adapter_model.safetensors` and `adapter_config.json`; `peft.PeftModel.from_pretrained(base, folder)`
loads it, head included. It names no path of the machine it was written on, and equal fits give equal bytes.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tuneproof import files
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.tunings import structure, weights

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def attention_targets(model: PreTrainedModel) -> str | None:
    """`target_modules` for query and value, the choice of the LoRA paper; fused projections where there are no others.

    None where neither is found by name; peft then uses its own table of model types, if it has the type at all.
    """
    return structure.pattern(model, "query", "value") or structure.pattern(model, "query_key_value")


def without_targets(model: PreTrainedModel, targets: str | None, table: dict[str, Any]) -> str | None:
    """The reason for `skip`: no target found by name, and peft's own table does not know the type of model either."""
    if targets is not None or model.config.model_type in table:
        return None
    return f"no attention layers found by name in {type(model).__name__} ({model.config.model_type})"


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
    weights.write(folder / WEIGHTS, tensors)
    files.write_json(folder / CONFIG, content)


def load(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Put a saved folder onto a fresh model, for prediction.

    Raises `TuneproofError` where files are missing or do not fit the model.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():  # peft would ask the hub for it
            raise TuneproofError(f"{folder / name}: file not found")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(model, folder, torch_device=str(model.device))  # type: ignore[return-value]
        except (SafetensorError, UserWarning, KeyError, RuntimeError, ValueError) as error:
            raise TuneproofError(f"{folder}: does not fit the model ({' '.join(str(error).split())})") from error
