"""SHiRA: a random few of the weights of each linear layer."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class Shira(LinearTuning):
    """W + a sparse matrix at random places, as many as the entries of LoRA's factors, starting at zero.

    The places are drawn from the fit's seed and are the same in layers of the same shape.
    """

    idea = "A random few of the weights of the query and value projections learn."
    paper = "Bhardwaj et al. 2024, arXiv 2406.13175"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 3e-3 .66.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)
    peft_config = "ShiraConfig"

    rank: int = Field(8, ge=1, description="rank · (inputs + outputs) weights of a layer learn.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"r": self.rank, "random_seed": peft_support.drawn_seed()}
