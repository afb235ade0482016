"""Distillation: the answers of an ensemble are targets beside the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.regularisers.base import Regulariser

if TYPE_CHECKING:
    import torch

    from tuneproof.train.batches import Tokens
    from tuneproof.train.step import Step


class Distil(Regulariser):
    """w · T² · KL(teacher ‖ student) + (1 − w) · the task's loss, with both softened by the temperature T.

    The teacher is the mean of the members' probabilities; softened, a probability p is p^(1/T) over the sum of these,
    which is the softmax of log p / T. The factor T² keeps the gradients' size (paper, section 2). Named entities: over
    the sub-tokens that have a label. Regression: w times the squared error to the mean of the members' numbers, and T
    has no part in it. A method names it by its key `distil`.
    """

    idea = "One model learns from the probabilities of an ensemble."
    paper = "Hinton et al. 2015, arXiv 1503.02531"
    task_loss = True

    ensemble: str = Field(min_length=1, description="The entry of `ensembles` whose members teach.")
    temperature: float = Field(
        2.0, gt=0, le=100, description="The paper's T: the higher, the more the unlikely classes count."
    )
    weight: float = Field(0.5, gt=0, le=1, description="Share of the teacher's part in the loss; the rest is labels'.")

    def lacks(self, train: Tokens) -> str | None:
        if "targets" in train.columns:
            return None
        return f"each member of the ensemble {self.ensemble}, which it learns from, was left out"

    def criterion(self, step: Step, logits: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import mse_loss

        if step.targets is None:
            raise ValueError("distil: these rows come without the teacher's answers")
        labelled = step.task.loss(logits, step.labels)
        if step.task.name == "regression":
            taught = mse_loss(logits.float().squeeze(-1), step.targets)
        else:
            taught = self.temperature**2 * softened(step, logits, step.targets, self.temperature)
        return self.weight * taught + (1 - self.weight) * labelled


def softened(step: Step, logits: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean KL(teacher ‖ student) at a temperature, a scalar; `targets` are the teacher's probabilities."""
    import torch
    from torch.nn.functional import log_softmax

    from tuneproof.train.divergence import counted

    taught = counted(step, targets).pow(1 / temperature)
    taught = taught / taught.sum(-1, keepdim=True)
    student = log_softmax(counted(step, logits) / temperature, -1)
    return (torch.xlogy(taught, taught) - taught * student).sum(-1).mean()
