"""The parameters that learned, by name, as one safetensors file: `learned.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files
from tuneproof.errors import TuneproofError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

FILE = "learned.safetensors"


def learned(model: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    """All parameters with `requires_grad`, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save_learned(model: PreTrainedModel, folder: Path) -> None:
    """Write the values of all parameters that learn to `folder/learned.safetensors`."""
    write(folder / FILE, {name: parameter.detach() for name, parameter in learned(model).items()})


def load_learned(model: PreTrainedModel, folder: Path) -> None:
    """Copy `folder/learned.safetensors` into the parameters that learn.

    Raises `TuneproofError` where the file is missing or unreadable, or its names or shapes are not exactly those of
    the model's learned parameters.
    """
    put(read(folder / FILE), learned(model), folder / FILE)


def write(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write tensors as safetensors, complete or not at all."""
    from safetensors.torch import save_file

    with files.replacing(path) as temporary:
        save_file(
            {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary, metadata={"format": "pt"}
        )


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read safetensors. Raises `TuneproofError` naming the file where it is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError:
        raise TuneproofError(f"{path}: file not found") from None
    except (SafetensorError, OSError) as error:
        raise TuneproofError(f"{path}: not a readable safetensors file ({error}); delete it and run again") from None


def put(tensors: dict[str, torch.Tensor], parameters: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copy tensors into the parameters of the same names; both must hold the same names and shapes.

    Raises `TuneproofError` otherwise; `path` is the file that its line names.
    """
    import torch

    wrong = {
        "missing": parameters.keys() - tensors.keys(),
        "unexpected": tensors.keys() - parameters.keys(),
        "of another shape": {
            name for name in parameters.keys() & tensors.keys() if parameters[name].shape != tensors[name].shape
        },
    }
    if any(wrong.values()):
        found = "; ".join(f"{what}: {_first(names)}" for what, names in wrong.items() if names)
        raise TuneproofError(f"{path}: does not fit the model ({found}); was it saved from another model or method?")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


def _first(names: set[str], shown: int = 3) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(sorted(names)[:shown]) + rest
