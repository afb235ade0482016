"""WaveFT: a few wavelet coefficients of the update of each linear layer."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning


class WaveFT(LinearTuning):
    """W + scaling · inverse 2-D wavelet transform of a sparse matrix, whose entries start at zero.

    Their places are drawn from the fit's seed. The wavelets are Daubechies' first, which are Haar's.
    """

    idea = "Sparse wavelet coefficients of the updates of the query and value projections learn."
    paper = "Bilican et al. 2025, arXiv 2505.12532"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-3 .68.
    learning_rates = LearningRates(1e-4, 1e-2, first=1e-3)
    peft_config = "WaveFTConfig"

    coefficients: int = Field(2592, ge=1, description="Coefficients of a layer; at most its weights.")
    scaling: float = Field(25.0, gt=0, description="The update is multiplied by it.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {
            "n_frequency": min(self.coefficients, widths.entries),
            "scaling": self.scaling,
            "random_loc_seed": peft_support.drawn_seed(),
        }
