"""Predictions of a model for tokenized rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from tuneproof.train.batches import by_length
from tuneproof.train.device import autocast
from tuneproof.train.features import BATCH_SIZE, Features, replace_body

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens


class Predicted(NamedTuple):
    """Predictions for one split."""

    frame: pd.DataFrame
    """`id` and the task's prediction columns, in the order of the tokens."""
    loss: float | None
    """Mean loss, where the tokens hold labels."""


def predict(
    model: PreTrainedModel,
    task: Task,
    tokens: Tokens,
    labels: list[str],
    *,
    precision: str,
    features: Features | None = None,
) -> Predicted:
    """Predict in the precision that the model was trained in.

    Batches depend on the rows' lengths alone, so that the same weights give the same bits in every process.
    `features` are the body's stored outputs, where the body is frozen.
    """
    import pandas as pd

    model.eval()
    device = model.device
    pad_id = model.config.pad_token_id or 0
    logits: dict[int, np.ndarray] = {}
    losses, counted = 0.0, 0
    with torch.inference_mode(), autocast(precision, device):
        for rows in by_length(tokens.lengths, BATCH_SIZE):
            batch = tokens.collate(rows, pad_id, device)
            truth = batch.pop("labels", None)
            if features is not None:
                replace_body(model, features.select(rows))
            output = model(**batch).logits.float()
            if truth is not None:
                count = tokens.counted(rows)
                losses, counted = losses + float(task.loss(output, truth)) * count, counted + count
            output = output.cpu().numpy()
            for row, values in zip(rows, output, strict=True):
                logits[int(row)] = values[: tokens.lengths[row]] if values.ndim > 1 else values
    ordered = [logits[row] for row in range(len(tokens))]
    frame = pd.DataFrame({"id": tokens.ids, **task.decode(ordered, tokens.columns, labels)})
    return Predicted(frame, losses / counted if counted else None)
