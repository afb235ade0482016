"""TinyLoRA: a handful of numbers a layer, projected into its principal subspace."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class TinyLora(LinearTuning):
    """W + B (Σ_i v_i P_i) A: A and B are W's principal singular vectors, the P_i random and frozen, and v learns."""

    idea = "A handful of numbers for each query and value projection learns."
    paper = "Morris et al. 2026, arXiv 2602.04118"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .56, hence above it.
    learning_rates = LearningRates(3e-3, 3e-1, first=3e-2)
    peft_config = "TinyLoraConfig"

    rank: int = Field(2, ge=1, description="Number of singular vectors.")
    size: int = Field(64, ge=1, description="Numbers a layer.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "u": self.size, "projection_seed": peft_support.drawn_seed()}
