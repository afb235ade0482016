"""RandLoRA: sums of scaled random low-rank matrices that together have full rank."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class RandLora(LinearTuning):
    """W + (alpha / rank) · Σ_i B_i Λ_i A Γ_i over width / rank terms: A and B_i are random, frozen and shared.

    The diagonals learn, Λ from zero. A checkpoint holds the seed of the projections in place of themselves, as peft
    would save them once a layer.
    """

    idea = "Scales of random low-rank updates, of full rank together, learn."
    paper = "Albert et al. 2025, arXiv 2502.00987"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-3 .68.
    learning_rates = LearningRates(1e-4, 1e-2, first=1e-3)
    peft_config = "RandLoraConfig"
    never_decay = ("randlora_gamma",)  # they start at a constant

    rank: int = Field(32, ge=1, description="Rank of each term; a lower one means more terms and parameters.")
    alpha: int = Field(640, ge=1, description="The update is multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {
            "r": self.rank,
            "randlora_alpha": self.alpha,
            "randlora_dropout": self.dropout,
            "projection_prng_key": peft_support.drawn_seed(),
            "save_projection": False,
        }
