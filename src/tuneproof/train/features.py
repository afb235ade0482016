"""Features of a frozen body, computed once: a head that learns alone never needs the body again.

The body is replaced by a module that answers with stored outputs, so that any architecture's own head runs unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tuneproof.train.batches import by_length
from tuneproof.train.device import autocast

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from tuneproof.train.batches import Tokens

BATCH_SIZE = 32
LIMIT_BYTES = 2 * 2**30
"""Above this the features are not kept but computed anew in each epoch."""


class Features(nn.Module):
    """Stands in for the body on one split; `select(rows)` says which rows the next forward pass is about."""

    def __init__(self, model: PreTrainedModel, tokens: Tokens, *, precision: str) -> None:
        super().__init__()
        self.hidden: list[Any] = [None] * len(tokens)
        self.pooled: list[Any] = [None] * len(tokens)
        self.rows: list[int] = []
        body = model.base_model.eval()
        with torch.no_grad(), autocast(precision, model.device):
            for rows in by_length(tokens.lengths, BATCH_SIZE):
                batch = tokens.collate(rows, model.config.pad_token_id or 0, model.device)
                batch.pop("labels", None)
                outputs = body(**batch)
                pooled = getattr(outputs, "pooler_output", None)
                for i, row in enumerate(rows):
                    self.hidden[row] = outputs.last_hidden_state[i, : tokens.lengths[row]].clone()
                    self.pooled[row] = None if pooled is None else pooled[i].clone()

    def select(self, rows: np.ndarray) -> Features:
        self.rows = [int(row) for row in rows]
        return self

    def forward(self, *_: Any, **__: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput, BaseModelOutputWithPooling

        hidden = nn.utils.rnn.pad_sequence([self.hidden[row] for row in self.rows], batch_first=True)
        if self.pooled[self.rows[0]] is None:
            return BaseModelOutput(last_hidden_state=hidden)
        pooled = torch.stack([self.pooled[row] for row in self.rows])
        return BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=pooled)


def fits_in_memory(model: PreTrainedModel, *splits: Tokens) -> bool:
    """Whether the features of all splits fit into `LIMIT_BYTES`."""
    return sum(sum(split.lengths) for split in splits) * model.config.hidden_size * 4 <= LIMIT_BYTES


def replace_body(model: PreTrainedModel, body: nn.Module) -> None:
    """Put another module in the place of the model's body."""
    model._modules[model.base_model_prefix] = body
