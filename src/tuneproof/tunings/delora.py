"""DeLoRA: low-rank updates whose directions and strength are learned apart."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class Delora(LinearTuning):
    """W + (λ / rank) · Σ_i ‖W‖ b_i a_iᵀ / (‖b_i‖ ‖a_i‖): the learned λ bounds how far W can move; B starts at zero."""

    idea = "Directions of low-rank updates and one strength a layer learn."
    paper = "Bini, Girrbach and Akata 2025, arXiv 2503.18225"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-3 .67.
    learning_rates = LearningRates(1e-4, 1e-2, first=1e-3)
    peft_config = "DeloraConfig"
    never_decay = ("delora_",)  # lengths of a and b cancel out, and λ starts above zero

    rank: int = Field(8, ge=1, description="Rank of each update.")
    strength: int = Field(15, ge=1, description="λ at the start.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "delora_lambda": self.strength}
