"""BOFT: orthogonal butterfly fine-tuning, with one butterfly factor."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class BOFT(LinearTuning):
    """s ⊙ W R with R block-diagonal and orthogonal by an exact Cayley transform, and a learned scale s of each output.

    The paper multiplies several such R with permuted blocks; peft does so only where it can compile a CUDA extension,
    and a checkpoint of one kind fits no model of the other. Here it is one factor on every machine.
    """

    idea = "Exact rotations of the inputs and scales of the outputs of the query and value projections learn."
    paper = "Liu et al. 2024, arXiv 2311.06243"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .70.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "BOFTConfig"
    never_decay = ("boft_s",)  # they start at one

    block: int = Field(8, ge=2, description="Largest width of a block; a divisor of the widths is taken.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"boft_block_size": divisor(widths.inputs, self.block), "boft_n_butterfly_factor": 1}
