"""C3A: updates made of circular convolutions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class C3A(LinearTuning):
    """W + a matrix of circulant blocks, applied by Fourier transforms; each block's kernel learns, starting small."""

    idea = "Circular convolutions beside the query and value projections learn."
    paper = "Chen et al. 2024, arXiv 2407.19342"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-1 .63.
    learning_rates = LearningRates(1e-2, 1e0, first=1e-1)
    peft_config = "C3AConfig"

    block: int = Field(128, ge=1, description="Largest width of a block; a divisor of the widths is taken.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {"block_size": divisor(widths.both, self.block)}
