"""VB-LoRA: low-rank updates put together from one bank of vectors."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning


class VBLora(LinearTuning):
    """LoRA whose A and B consist of sub-vectors, each a mixture of the `top` best vectors of a bank that layers share.

    The bank and the logits of the mixtures learn.
    """

    idea = "A shared bank of vectors learns, and which of them each low-rank update is made of."
    paper = "Li, Han and Ji 2024, arXiv 2405.15179"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .68.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "VBLoRAConfig"
    never_decay = ("vblora_logits",)  # at zero, all vectors would be chosen alike

    rank: int = Field(4, ge=1, description="Rank of each update.")
    vectors: int = Field(90, ge=2, description="Vectors in the bank.")
    length: int = Field(256, ge=1, description="Largest length of a vector; a divisor of the widths is taken.")
    top: int = Field(2, ge=1, description="Vectors in a mixture.")

    def options(self, widths: Widths) -> dict[str, Any]:
        return {
            "r": self.rank,
            "num_vectors": self.vectors,
            "vector_length": divisor(widths.both, self.length),
            "topk": self.top,
        }
