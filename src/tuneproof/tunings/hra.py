"""HRA: Householder reflections of the inputs of linear layers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class HRA(LinearTuning):
    """W H₁ ⋯ H_r with H_i = I − 2 u_i u_iᵀ / ‖u_i‖²; neighbours start equal, so that they cancel out."""

    idea = "Chains of reflections of the inputs of the query and value projections learn."
    paper = "Yuan, Liu and Xu 2024, arXiv 2405.17484"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .67.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "HRAConfig"
    never_decay = ("hra_u",)  # only their directions count

    rank: int = Field(8, ge=2, multiple_of=2, description="Number of reflections, even.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank}
