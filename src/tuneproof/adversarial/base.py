"""What adversarial training promises: gradients at perturbed embeddings, the model left as it was."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step

TASKS = ("classification", "regression", "ner")


class Adversarial(BaseModel, ABC):
    """Base of all adversarial trainings; fields of the subclasses are the options a user may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idea: ClassVar[str]
    """One sentence for tables."""
    paper: ClassVar[str]
    """Authors, year and arXiv number or venue."""
    tasks: ClassVar[tuple[str, ...]] = TASKS
    """Names of the tasks that it is defined for."""
    task_loss: ClassVar[bool] = False
    """True where it is about the task's own loss or predictions: not for tunings that learn from something else."""

    @abstractmethod
    def backward(self, step: Step, scale: float) -> torch.Tensor:
        """Run forward and backward for some rows and add this training's gradients; returns the clean loss, detached.

        `step.loss(inputs)` takes `inputs_embeds` in place of `input_ids` too; `scale` multiplies each loss before its
        backward pass. Parameters have the same values afterwards.
        """
