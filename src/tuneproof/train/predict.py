"""Predictions of a model for tokenized rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tuneproof.train.batches import by_length
from tuneproof.train.features import Features, replace_body

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens

BATCH_SIZE = 32


def predict(
    model: PreTrainedModel, task: Task, tokens: Tokens, labels: list[str], *, features: Features | None = None
) -> pd.DataFrame:
    """Prediction columns of the task with `id`, in the order of `tokens`.

    Batches depend on the rows' lengths alone, so that the same weights give the same bits in every process.
    `features` are the body's stored outputs, where the body is frozen.
    """
    import pandas as pd

    model.eval()
    device = next(model.parameters()).device
    pad_id = model.config.pad_token_id or 0
    logits: dict[int, np.ndarray] = {}
    with torch.inference_mode():
        for rows in by_length(tokens.lengths, BATCH_SIZE):
            batch = tokens.collate(rows, pad_id, device)
            batch.pop("labels", None)
            if features is not None:
                replace_body(model, features.select(rows))
            output = model(**batch).logits.float().cpu().numpy()
            for row, values in zip(rows, output, strict=True):
                logits[int(row)] = values[: tokens.lengths[row]] if values.ndim > 1 else values
    ordered = [logits[row] for row in range(len(tokens))]
    return pd.DataFrame({"id": tokens.ids, **task.decode(ordered, tokens.columns, labels)})
