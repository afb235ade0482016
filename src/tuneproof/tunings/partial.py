"""Partial tuning: the top layers learn, the lower ones stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.errors import MethodError
from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Partial(Tuning):
    """The top `layers` transformer layers with their norms, what is above them (a pooler) and the head.

    The backward pass ends at the lowest of these layers. Lee et al. found a quarter of BERT's and RoBERTa's layers
    enough for nine tenths of full tuning's quality.
    """

    idea = "The top transformer layers and the head learn."
    paper = "Lee, Tang and Lin 2019, arXiv 1911.03090"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-4 .72/.00, 3e-4 .78/.05, 1e-3 .76/.16, 3e-3 .77/.10.
    learning_rates = LearningRates(3e-5, 3e-3, first=3e-4)

    layers: int = Field(2, ge=1, description="How many layers learn, counted from the top.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        found = max(structure.depths(model).values()) - 1
        if self.layers <= found:
            return None
        kind = f"{type(model).__name__} ({model.config.model_type})"
        return f"{kind} has {found} layers with parameters of their own; needed: {self.layers}"

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        depths = structure.depths(model)
        lowest = max(depths.values()) - self.layers
        for name, parameter in model.named_parameters():
            parameter.requires_grad = depths[name] >= lowest
        return model
