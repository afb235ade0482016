"""PSOFT: a rotation inside the principal subspace of each weight matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tuneproof.tunings import weights
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

FACTORS = "factors.safetensors"


class Psoft(LinearTuning):
    """W's part of the largest `rank` singular values, B A, becomes B diag(b) R diag(a) A with R orthogonal.

    R starts at the identity and the scales a and b at one. A and B are saved too, in a file of their own: peft computes
    them again on each load, and another machine may find singular vectors of the opposite sign.
    """

    idea = "Rotations inside the principal subspaces of the query and value projections learn."
    paper = "Wu et al. 2025, arXiv 2505.11235"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .67.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    peft_config = "PsoftConfig"

    rank: int = Field(32, ge=2, description="Width of the subspace; at most that of the layer.")

    def options(self, widths: Widths) -> dict[str, Any]:
        rank = min(self.rank, widths.inputs, widths.outputs)
        return {"r": rank, "psoft_alpha": rank}

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        super().save(model, folder)
        weights.write(folder / FACTORS, _factors(model))

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        tuned = super().load(model, task, folder)
        weights.put(weights.read(folder / FACTORS), _factors(tuned), folder / FACTORS)
        return tuned


def _factors(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """A and B of each layer by name."""
    return {name: buffer for name, buffer in model.named_buffers() if "._psoft_" in name}
