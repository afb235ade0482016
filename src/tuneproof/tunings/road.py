"""RoAd: 2-D rotations and scales of pairs of outputs of linear layers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class Road(LinearTuning):
    """Pairs of outputs are turned by θ and scaled by α, which start at 0 and 1.

    Variant 1 has one θ and α a pair, variant 2 one for each of its two outputs, variant 4 one for each entry of the
    2 × 2 matrix.
    """

    idea = "Rotations and scales of pairs of outputs of the query and value projections learn."
    paper = "Liao and Monz 2024, arXiv 2409.00119"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 3e-3 .61, 1e-2 .64, 3e-2 .65.
    learning_rates = LearningRates(1e-3, 1e-1, first=3e-2)
    peft_config = "RoadConfig"

    variant: Literal["1", "2", "4"] = Field("1", description="Parameters a pair: 2, 4 or 8.")

    def options(self, widths: Widths) -> dict[str, Any]:
        # outputs half a group apart form a pair: any even divisor of the width will do
        return {"variant": f"road_{self.variant}", "group_size": 2 * divisor(widths.outputs // 2, 32)}
