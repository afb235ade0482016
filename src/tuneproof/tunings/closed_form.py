"""Base of the tunings that put a head on the embeddings of a frozen body, without a gradient step."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof.tunings.base import Material, Tuning

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class ClosedForm(Tuning):
    """A subclass makes the head and fills it in `settle`; the checkpoint holds the head alone."""

    by_gradient = False
    frozen_body = True

    @abstractmethod
    def head(self, task: Task, outputs: int, width: int) -> nn.Module:
        """The empty head: buffers only."""

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        from functools import partial

        from tuneproof.tunings import embedding

        return embedding.wrap(model, task, partial(self.head, task), learns=False)

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        from tuneproof.tunings import heads

        if isinstance(model.head, heads.Memory):
            labels = material.train.columns["labels"]
            rows = sum(int((row >= 0).sum()) for row in labels) if task.name == "ner" else len(labels)
            model.head.size(rows)

    def settled(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        return _tensors(model)

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        from tuneproof.tunings import weights

        weights.write(folder / weights.FILE, _tensors(model))

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        from tuneproof.tunings import heads, weights

        tuned = self.attach(model, task, total_steps=1)
        tensors = weights.read(folder / weights.FILE)
        if isinstance(tuned.head, heads.Memory) and "head.answers" in tensors:
            tuned.head.size(len(tensors["head.answers"]))
        weights.put(tensors, _tensors(tuned), folder / weights.FILE)
        return tuned


def _tensors(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """All that the head holds, by its name in the model."""
    return {name: tensor for name, tensor in model.named_buffers() if name.startswith("head.")}
