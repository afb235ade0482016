"""The nearest training token of each tag, in the frozen body's embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.closed_form import ClosedForm

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class NNTagger(ClosedForm):
    """NNShot: a word gets the tag of the training word whose contextual embedding is nearest.

    The score of a tag is minus the squared distance to its nearest training word, divided by a temperature that moves
    probabilities alone. The paper's StructShot also decodes with transitions estimated on another data set, which there
    is none of here; the task makes each sequence of tags a valid one. A checkpoint holds the embeddings of all words.
    """

    idea = "Each word gets the tag of the most similar training word; the body is frozen."
    paper = "Yang and Katiyar 2020, arXiv 2010.02405"
    # MiniLM, 320 tweets: the validation loss is least near 0.1; entity F1 is .22 whatever the temperature.
    learning_rates = LearningRates(1e-2, 1.0, first=1e-1)
    scale = "temperature"
    tasks = ("ner",)

    def head(self, task: Task, outputs: int, width: int) -> nn.Module:
        from tuneproof.tunings.heads import Nearest

        return Nearest(outputs, width)

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        from tuneproof.tunings import embedding, heads

        head = cast(heads.Nearest, model.head)
        embeddings, answers = embedding.of_training_rows(model, material)
        head.embeddings.copy_(embeddings)
        head.answers.copy_(answers)
        head.temperature.fill_(scale)
