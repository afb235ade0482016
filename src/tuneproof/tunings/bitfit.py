"""BitFit: the bias terms and the head learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class BitFit(Tuning):
    """All bias terms of the body, those of layer norms included, as the authors' code does."""

    idea = "Only bias terms and the head learn."
    paper = "Ben Zaken, Goldberg and Ravfogel 2022, arXiv 2106.10199"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 3e-3 .68/.33, 1e-2 .64/.31, 3e-2 .54/.00.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if _biases(model):
            return None
        return f"{type(model).__name__} ({model.config.model_type}) has no bias terms"

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        structure.freeze_body(model)
        biases = _biases(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad |= name in biases
        return model


def _biases(model: PreTrainedModel) -> set[str]:
    """Names of the body's bias terms; DeBERTa's `q_bias` and `v_bias` are such too."""
    body = f"{model.base_model_prefix}."
    return {name for name, _ in model.named_parameters() if name.startswith(body) and name.endswith("bias")}
