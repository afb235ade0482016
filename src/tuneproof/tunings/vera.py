"""VeRA: vectors that scale random projections which all layers share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class Vera(LinearTuning):
    """W + Λ_b B Λ_d A: A and B are random, frozen and shared; the diagonals learn, Λ_b from zero and Λ_d from 0.1.

    The projections are drawn from the fit's seed and saved with the vectors.
    """

    idea = "Vectors that scale shared random projections learn."
    paper = "Kopiczko, Blankevoort and Asano 2024, arXiv 2310.11454"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .62, 3e-2 .60, 1e-1 .70.
    learning_rates = LearningRates(1e-2, 1e0, first=1e-1)
    peft_config = "VeraConfig"

    rank: int = Field(256, ge=1, description="Rank of the random projections.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "vera_dropout": self.dropout, "projection_prng_key": peft_support.drawn_seed()}
