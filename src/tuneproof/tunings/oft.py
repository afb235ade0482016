"""OFT: block-wise rotations of the inputs of linear layers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class OFT(LinearTuning):
    """W R with R block-diagonal and orthogonal, starting at the identity.

    Each block is (I + Q)(I − Q)⁻¹ for a skew-symmetric Q, the inverse cut after five terms of its Neumann series (Qiu
    et al. 2025, arXiv 2506.19847).
    """

    idea = "Rotations of the inputs of the query and value projections learn."
    paper = "Qiu et al. 2023, arXiv 2306.07280"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 3e-4 .56, 1e-3 .62, 3e-3 .69.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)
    peft_config = "OFTConfig"

    block: int = Field(32, ge=2, description="Largest width of a block; a divisor of the widths is taken.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"oft_block_size": divisor(widths.inputs, self.block)}
