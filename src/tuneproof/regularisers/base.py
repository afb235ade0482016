"""What every regulariser promises: a change to the loss, the gradients or the weights of a fit, for any tuning.

A regulariser is a frozen pydantic model, its fields are its options. What it remembers from step to step lies in
private attributes: a fit builds one of its own. All hooks do nothing unless a subclass says otherwise.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from tuneproof.method_part import MethodPart

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens
    from tuneproof.train.step import Inputs, Step


class Regulariser(MethodPart):
    """Base of all regularisers; fields of the subclasses are the options a user may set."""

    hidden_states: ClassVar[bool] = False
    """True where `loss` looks at the hidden states of all layers."""
    whole_vocabulary: ClassVar[bool] = False
    """True where it does more than weight decay to embeddings of words that the data does not mention."""
    task_loss: ClassVar[bool] = False
    """True where it is about the task's own loss or predictions: not for tunings that learn from something else."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Names of regularisers that it makes no sense with."""

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        """Why it cannot run on the tuned model and task, or None where it can."""
        return None

    def lacks(self, train: Tokens) -> str | None:
        """What it needs of the training rows and they do not have, as a reason; None where it can learn from them."""
        return None

    def pretrained(self, model: PreTrainedModel) -> None:
        """Called once with the pre-trained model and its fresh head, before the tuning freezes and wraps it."""

    def begin(self, model: PreTrainedModel, total_steps: int) -> None:
        """Called once, before the first of `total_steps` steps, with the tuned model as it will be trained."""

    def during(self, step: Step) -> AbstractContextManager[Any]:
        """Entered before the forward pass of some rows and left after their backward pass."""
        return nullcontext()

    def criterion(self, step: Step, logits: torch.Tensor) -> torch.Tensor | None:
        """A mean loss in place of the task's own, or None. At most one regulariser of a fit may give one."""
        return None

    def loss(self, step: Step, inputs: Inputs, outputs: Any, loss: torch.Tensor) -> torch.Tensor:
        """The loss with this regulariser's term; `outputs` are those of the model on `inputs`, `loss` theirs so far."""
        return loss

    def before_step(self, model: PreTrainedModel) -> None:
        """Called when the gradients of an optimizer step are complete, before they are clipped."""

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        """Called after optimizer step number `step` (from 1)."""

    def averaged(self) -> dict[str, torch.Tensor]:
        """Weights by name that are to be judged and kept instead of the current ones; empty where there are none."""
        return {}

    def state(self) -> dict[str, torch.Tensor]:
        """What it remembers from step to step, for a killed fit to go on from."""
        return {}

    def restore(self, model: PreTrainedModel, state: dict[str, torch.Tensor]) -> None:
        """Put back what `state` gave; `begin` has been called on a fresh model before."""
