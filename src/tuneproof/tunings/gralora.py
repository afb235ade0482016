"""GraLoRA: a low-rank update for each block of a weight matrix."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class Gralora(LinearTuning):
    """W is cut into blocks × blocks parts, each with a LoRA of rank / blocks: rank · blocks altogether."""

    idea = "Low-rank updates of the blocks of the query and value projections learn."
    paper = "Jung et al. 2025, arXiv 2505.20355"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 3e-3 .69.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)
    peft_config = "GraloraConfig"

    rank: int = Field(8, ge=1, description="As many parameters as LoRA of this rank; a multiple of `blocks`.")
    alpha: int = Field(16, ge=1, description="The update is multiplied by alpha / rank.")
    blocks: int = Field(2, ge=1, description="Blocks along each side.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    @model_validator(mode="after")
    def _ranks_of_blocks(self) -> Self:
        if self.rank % self.blocks:
            raise ValueError(f"rank: found {self.rank}; allowed: a multiple of blocks ({self.blocks})")
        return self

    def options(self, widths: Widths) -> dict[str, Any]:
        return {
            "r": self.rank,
            "alpha": self.alpha,
            "gralora_k": divisor(widths.both, self.blocks),
            "gralora_dropout": self.dropout,
        }
