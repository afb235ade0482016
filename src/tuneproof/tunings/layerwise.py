"""Layer-wise learning-rate decay: the lower a layer, the smaller its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.full import Full

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Layerwise(Full):
    """All parameters, at a learning rate times `decay` to the power of the distance from the head.

    The head and a pooler have the factor 1, the top layer `decay`, the lowest of n layers decayⁿ, and the embeddings
    decayⁿ⁺¹. ULMFiT divides by 2.6 a layer (0.38); ELECTRA's authors (Clark et al. 2020, arXiv 2003.10555) take 0.8
    for their small and base models, 0.9 for the large one.
    """

    idea = "All parameters learn, the lower layers at smaller rates."
    paper = "Howard and Ruder 2018, arXiv 1801.06146; Clark et al. 2020, arXiv 2003.10555"
    # The head's; ELECTRA's authors take 5e-5 (large) to 3e-4 (small). MiniLM, 300 texts, 3 epochs (accuracy / entity
    # F1): 1e-4 .73/.00, 3e-4 .80/.00, 1e-3 .70/.00. On the same rows full tuning had .74/.15 at 3e-4.
    learning_rates = LearningRates(3e-5, 3e-3, first=3e-4)

    decay: float = Field(0.8, gt=0, le=1, description="Factor on the learning rate from one layer to the next below.")

    def rates(self, model: PreTrainedModel) -> dict[str, float]:
        depths = structure.depths(model)
        top = max(depths.values())
        return {name: self.decay ** (top - depth) for name, depth in depths.items()}
