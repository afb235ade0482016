"""Nearest neighbours in the frozen body's embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.closed_form import ClosedForm

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Knn(ClosedForm):
    """The k training rows nearest by cosine vote, each with a weight of 1 / distance; regression: their weighted mean.

    The search looks for k, rounded to a whole number; more than there are training rows is all of them. A checkpoint
    holds the embeddings of all training rows.
    """

    idea = "The nearest training rows vote; the body is frozen."
    paper = "Cover and Hart 1967, IEEE Trans. Inf. Theory 13(1); weights: Dudani 1976, IEEE Trans. SMC 6(4)"
    # MiniLM, 320 texts: accuracy .62 with 1 or 2 neighbours, .64 with 5, .68 with 12, .71 with 28, .67 with 64.
    learning_rates = LearningRates(1.0, 64.0, first=8.0)
    scale = "neighbours"
    tasks = ("classification", "regression")

    def head(self, task: Task, outputs: int, width: int) -> nn.Module:
        from tuneproof.tunings.heads import Neighbours

        return Neighbours(outputs, width, numbers=task.name == "regression")

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        from tuneproof.tunings import embedding, heads

        head = cast(heads.Neighbours, model.head)
        embeddings, answers = embedding.of_training_rows(model, material)
        head.embeddings.copy_(embeddings)
        head.answers.copy_(answers)
        head.neighbours.fill_(max(1, round(scale)))
