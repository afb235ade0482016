"""Linear probing: only the head learns, on the features of the frozen body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Probe(Tuning):
    """The head alone: the least that can be learned, and the yardstick for what tuning the body adds."""

    idea = "Only the head learns; the body is frozen."
    paper = "Alain and Bengio 2017, arXiv 1610.01644"
    # Convex, or nearly so, hence fast. MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-2 .64/.25, 1e-1 .64/.34.
    learning_rates = LearningRates(1e-3, 3e-1, first=3e-2)
    frozen_body = True

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        structure.freeze_body(model)
        return model
