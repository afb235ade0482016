"""What adversarial training promises: gradients at perturbed embeddings, the model left as it was."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tuneproof.method_part import MethodPart

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step


class Adversarial(MethodPart):
    """Base of all adversarial trainings; fields of the subclasses are the options a user may set."""

    task_loss: ClassVar[bool] = False
    """True where it is about the task's own loss or predictions: not for tunings that learn from something else."""

    @abstractmethod
    def backward(self, step: Step, scale: float) -> torch.Tensor:
        """Run forward and backward for some rows and add this training's gradients; returns the clean loss, detached.

        `step.loss(inputs)` takes `inputs_embeds` in place of `input_ids` too; `scale` multiplies each loss before its
        backward pass. Parameters have the same values afterwards.
        """
