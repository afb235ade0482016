"""How far apart two predictions for the same rows are: what consistency training makes small.

Over the predictions that count: a text's class, or the tag of each word's first sub-token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step


def divergence(step: Step, reference: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mean KL(reference ‖ other) of the predictions behind two tensors of logits, a scalar.

    Regression: of two normal distributions with unit variance, which is half the squared difference.
    """
    p, q = counted(step, reference), counted(step, logits)
    if step.task.name == "regression":
        return 0.5 * functional.mse_loss(q, p)
    return functional.kl_div(
        functional.log_softmax(q, -1), functional.log_softmax(p, -1), log_target=True, reduction="batchmean"
    )


def symmetric(step: Step, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """KL(one ‖ other) + KL(other ‖ one), a mean; for regression the mean squared difference: the two are then equal."""
    return divergence(step, one, other) + divergence(step, other, one)


def counted(step: Step, logits: torch.Tensor) -> torch.Tensor:
    """The logits that are judged, predictions × labels, as float32; NER: those with a label."""
    logits = logits.float()
    return logits[step.labels != -100] if step.task.name == "ner" else logits
