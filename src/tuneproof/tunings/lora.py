"""LoRA: low-rank updates beside the frozen attention projections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Lora(Tuning):
    """W + (alpha / rank) · B A on query and value, with A of rank × inputs and B of outputs × rank starting at zero."""

    idea = "Low-rank updates of the query and value projections learn."
    paper = "Hu et al. 2022, arXiv 2106.09685"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .57/.00, 3e-3 .76/.34, 1e-2 .76/.35, 3e-2 .54/.00.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)

    rank: int = Field(8, ge=1, description="Rank of each update.")
    alpha: float = Field(16, gt=0, description="The update is multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        from peft.utils import constants

        table = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
        return peft_support.without_targets(model, peft_support.attention_targets(model), table)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        from peft import LoraConfig

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]
            lora_dropout=self.dropout,
            target_modules=peft_support.attention_targets(model),
        )
        return peft_support.wrap(model, task, config)

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        peft_support.save(model, folder)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        return peft_support.load(model, folder)
