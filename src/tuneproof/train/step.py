"""One forward and backward pass over a few rows: what a tuning and its regularisers may look at and change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.regularisers.base import Regulariser
    from tuneproof.tasks.base import Task
    from tuneproof.tunings.base import Tuning

Inputs = dict[str, Any]
"""Tensors that the model takes: `input_ids` (or `inputs_embeds`), `attention_mask`, `token_type_ids`."""


class Step:
    """Rows of one batch with their labels, and the loss of a model on them.

    `inputs` and `labels` are padded tensors of rows × sub-tokens (labels: rows, for tasks with one a text);
    `special_tokens` is true at [CLS], [SEP] and the like; `number` counts the fit's optimizer steps from 0;
    `targets` are a teacher's answers to these rows, see `Tokens.targets`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        task: Task,
        tuning: Tuning,
        regularisers: Sequence[Regulariser],
        inputs: Inputs,
        labels: torch.Tensor,
        *,
        special_tokens: torch.Tensor,
        number: int,
        autocast: Callable[[], AbstractContextManager[Any]],
        targets: torch.Tensor | None = None,
    ) -> None:
        self.model, self.task, self.tuning, self.regularisers = model, task, tuning, regularisers
        self.inputs, self.labels, self.special_tokens, self.number = inputs, labels, special_tokens, number
        self.autocast, self.targets = autocast, targets
        self.hidden_states = tuning.hidden_states or any(part.hidden_states for part in regularisers)

    def outputs(self, inputs: Inputs | None = None) -> Any:
        """The model's outputs (`logits`, and `hidden_states` where some part asks for them), in the fit's precision."""
        more = {"output_hidden_states": True} if self.hidden_states else {}
        with self.autocast():
            return self.model(**(self.inputs if inputs is None else inputs), **more)

    def criterion(self, logits: torch.Tensor) -> torch.Tensor:
        """Mean loss of logits against this step's labels: the task's own, unless a regulariser replaces it."""
        for part in self.regularisers:
            if (loss := part.criterion(self, logits)) is not None:
                return loss
        return self.task.loss(logits, self.labels)

    def plain_loss(self, outputs: Any) -> torch.Tensor:
        """Mean loss of the model's outputs on these rows, without the regularisers' terms."""
        own = self.tuning.objective(self, outputs)
        return self.criterion(outputs.logits) if own is None else own

    def loss(self, inputs: Inputs | None = None, outputs: Any = None) -> torch.Tensor:
        """What the fit minimises on these rows, or on the same rows with other inputs: a scalar.

        `outputs` are the model's on these inputs, where they are at hand.
        """
        inputs = self.inputs if inputs is None else inputs
        outputs = self.outputs(inputs) if outputs is None else outputs
        loss = self.plain_loss(outputs)
        for part in self.regularisers:
            loss = part.loss(self, inputs, outputs, loss)
        return loss

    def perturbable(self) -> torch.Tensor:
        """Which tokens may be moved, rows × sub-tokens: neither padding nor special tokens."""
        return self.inputs["attention_mask"].bool() & ~self.special_tokens
