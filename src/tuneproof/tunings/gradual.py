"""Gradual unfreezing: all parameters learn in the end, the top ones from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.full import Full

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Gradual(Full):
    """One group after the other is unfrozen: the head with what is on top, each layer downwards, the embeddings.

    With n layers there are n + 2 groups; the last is unfrozen when `share` of the steps are done, the others at equal
    distances before. ULMFiT unfreezes one group an epoch, which few epochs have no room for. A fit of one step
    unfreezes all. AdamW starts a group's averages, and its weight decay, when it is unfrozen.
    """

    idea = "All parameters learn, the lower layers only after the upper ones."
    paper = "Howard and Ruder 2018, arXiv 1801.06146"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-4 .74/.00, 3e-4 .81/.22, 1e-3 .76/.25. On the same rows
    # full tuning had .74/.15 at 3e-4.
    learning_rates = LearningRates(3e-5, 3e-3, first=3e-4)

    share: float = Field(0.5, gt=0, lt=1, description="Share of the steps after which everything learns.")

    def before_step(self, model: PreTrainedModel, step: int, total_steps: int) -> None:
        depths = structure.depths(model)
        lowest = self.lowest(step, total_steps, max(depths.values()))
        for name, parameter in model.named_parameters():
            parameter.requires_grad = depths[name] >= lowest

    def lowest(self, step: int, total_steps: int, top: int) -> int:
        """The lowest depth that learns at a step (from 1): from `top`, the head's, down to 0, the embeddings'."""
        if step >= total_steps:
            return 0
        return max(0, top - int((step - 1) * top / (self.share * total_steps)))
