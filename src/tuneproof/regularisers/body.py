"""Which of a tuned model's parameters belong to its head, and which to what lies below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tuneproof.tunings.structure import head_modules

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def below_head(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """All parameters outside the head by name, whatever the tuning has wrapped or added; the model may be peft's."""
    plain = cast(Any, model).get_base_model() if hasattr(model, "get_base_model") else model
    heads = set(head_modules(plain))
    return {name: parameter for name, parameter in model.named_parameters() if _bare(name).split(".")[0] not in heads}


def learns(model: PreTrainedModel) -> bool:
    """Whether anything below the head learns."""
    return any(parameter.requires_grad for parameter in below_head(model).values())


def _bare(name: str) -> str:
    """A parameter's name without the prefixes of peft's wrappers."""
    return name.removeprefix("base_model.").removeprefix("model.") if name.startswith("base_model.") else name
