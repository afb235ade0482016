"""LoHa: updates that are element-wise products of two low-rank matrices."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class LoHa(LinearTuning):
    """W + (alpha / rank) · (B₁ A₁) ⊙ (B₂ A₂), a matrix of rank up to rank², with B₂ starting at zero."""

    idea = "Hadamard products of low-rank updates of the query and value projections learn."
    paper = "Hyeon-Woo, Ye-Bin and Oh 2022, arXiv 2108.06098; Yeh et al. 2024, arXiv 2309.14859"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .71.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "LoHaConfig"

    rank: int = Field(8, ge=1, description="Rank of each factor.")
    alpha: float = Field(16, gt=0, description="The update is multiplied by alpha / rank.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "alpha": self.alpha}
