"""LoKr: updates that are Kronecker products of a small and a low-rank matrix."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class LoKr(LinearTuning):
    """W + (alpha / rank) · C ⊗ (B A): C is small and square-like, B A low-rank; C starts at zero."""

    idea = "Kronecker products of small matrices, added to the query and value projections, learn."
    paper = "Edalati et al. 2022, arXiv 2212.10650; Yeh et al. 2024, arXiv 2309.14859"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .68.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "LoKrConfig"

    rank: int = Field(8, ge=1, description="Rank of the larger factor.")
    alpha: float = Field(16, gt=0, description="The update is multiplied by alpha / rank.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "alpha": self.alpha}
