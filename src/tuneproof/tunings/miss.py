"""MiSS: one small matrix a layer, shared by groups of its inputs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class Miss(LinearTuning):
    """W + D E: E sums the inputs of each of `rank` groups, D of outputs × rank starts at zero.

    An update of this rank costs half of LoRA's parameters. The method was called Bone before.
    """

    idea = "One small matrix, shared by groups of inputs of the query and value projections, learns."
    paper = "Kang and Yin 2024, arXiv 2409.15371"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-3 .64, 3e-3 .73.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)
    peft_config = "MissConfig"

    rank: int = Field(16, ge=1, description="Number of groups.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "miss_dropout": self.dropout}
