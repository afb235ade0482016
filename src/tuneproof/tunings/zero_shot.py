"""No training rows: the label whose description is nearest in the frozen body's embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from tuneproof.errors import MethodError
from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.closed_form import ClosedForm

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class ZeroShot(ClosedForm):
    """The label of the description with the largest cosine to the text; no training row is looked at.

    The temperature moves probabilities, not decisions. It needs a body whose mean embeddings were trained to be
    compared, as those of sentence-transformers are.
    """

    idea = "The label whose description is most similar to the text; nothing learns."
    paper = "Chang et al. 2008, AAAI (dataless classification); Yin et al. 2019, arXiv 1909.00161"
    # MiniLM, 200 texts: the validation loss is least near 0.05; accuracy .68 whatever the temperature.
    learning_rates = LearningRates(1e-2, 1.0, first=5e-2)
    scale = "temperature"
    tasks = ("classification",)

    template: str = Field("This text is {label}.", description="Description of labels without one of their own.")
    descriptions: dict[str, str] = Field(default={}, description="Label → a text that is typical of it.")

    @field_validator("template")
    @classmethod
    def _place_for_the_label(cls, value: str) -> str:
        if "{label}" not in value:
            raise ValueError("allowed: a text with {label} in it")
        return value

    def head(self, task: Task, outputs: int, width: int) -> nn.Module:
        from tuneproof.tunings.heads import Prompts

        return Prompts(outputs, width)

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        """Raises `MethodError` where a description is for a label that the data lacks."""
        from tuneproof.tunings import embedding

        if unknown := sorted(self.descriptions.keys() - set(material.labels)):
            labels = ", ".join(material.labels)
            raise MethodError(f"descriptions has {', '.join(unknown)}, which is no label; labels: {labels}")
        texts = [self.descriptions.get(label, self.template.replace("{label}", label)) for label in material.labels]
        model.head.texts.copy_(embedding.of_texts(model, material, texts))  # type: ignore[operator,union-attr]

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        model.head.temperature.fill_(scale)  # type: ignore[operator,union-attr]

    def settled(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        return {"head.temperature": model.head.temperature}  # type: ignore[dict-item,union-attr]
