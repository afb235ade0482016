"""HiRA: low-rank matrices that multiply the weights instead of adding to them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class Hira(LinearTuning):
    """W + W ⊙ (B A), an update of high rank, with B starting at zero."""

    idea = "Low-rank factors that multiply the weights of the query and value projections learn."
    paper = "Huang et al. 2025, ICLR (openreview.net/forum?id=TwJrTz9cRS)"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .64.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "HiraConfig"

    rank: int = Field(8, ge=1, description="Rank of B A.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "hira_dropout": self.dropout}
