"""Regression on a text (or a pair): mean squared error; Pearson, Spearman, mean absolute error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tuneproof.tasks.base import Score, Task
from tuneproof.tasks.text import encode_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase


class Regression(Task):
    name = "regression"
    auto_class = "AutoModelForSequenceClassification"
    peft_type = "SEQ_CLS"
    primary = "pearson"
    columns = ("text", "text_pair", "label")
    answers = ("prediction",)

    def labels(self, train: pd.DataFrame) -> list[str]:
        return ["value"]

    def encode(
        self, tokenizer: PreTrainedTokenizerBase, frame: pd.DataFrame, labels: list[str], *, max_length: int
    ) -> dict[str, list[Any]]:
        encoded = encode_text(tokenizer, frame, max_length=max_length)
        if "label" in frame:
            encoded["labels"] = [float(label) for label in frame["label"]]
        return encoded

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import mse_loss

        return mse_loss(logits.float().squeeze(-1), labels)

    def decode(self, logits: list[np.ndarray], encoded: dict[str, Any], labels: list[str]) -> dict[str, list[Any]]:
        return {"prediction": [float(values[0]) for values in logits]}

    def combine(self, members: list[pd.DataFrame], weights: list[float], labels: list[str]) -> dict[str, list[Any]]:
        import numpy as np

        stacked = np.stack([member["prediction"].to_numpy() for member in members])
        return {"prediction": list(np.average(stacked, axis=0, weights=weights))}

    def scores(self, labels: Sequence[str] | None = None) -> dict[str, Score]:
        # a fit whose answers are still constant goes on with 0: no linear relation can be shown
        return {
            "pearson": Score(_moments, _pearson, otherwise=0.0, undefined=constant),
            "spearman": Score(_rank_moments, _pearson, otherwise=0.0, undefined=constant),
            "mae": Score(_absolute_error, _mean, greater_is_better=False),
        }


def _products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What Pearson's r is made of, an example a row; centred first, for precision."""
    import numpy as np

    x, y = x - x.mean(), y - y.mean()
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _moments(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    return _products(gold["label"].to_numpy(float), predicted["prediction"].to_numpy(float))


def _rank_moments(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    """Ranks in the whole sample; a resample re-uses them, which differs from re-ranking by O(1/n)."""
    from scipy.stats import rankdata

    return _products(rankdata(gold["label"].to_numpy(float)), rankdata(predicted["prediction"].to_numpy(float)))


def _pearson(sums: np.ndarray) -> np.ndarray:
    """Correlation from sums; NaN where one side is constant."""
    import numpy as np

    n, x, y, xx, yy, xy = (sums[..., i] for i in range(6))
    spread = (xx - x * x / n) * (yy - y * y / n)
    defined = spread > 1e-12 * np.maximum(xx * yy, 1e-300)
    return np.where(defined, (xy - x * y / n) / np.sqrt(np.where(defined, spread, 1.0)), np.nan)


def constant(gold: pd.DataFrame, predicted: pd.DataFrame) -> str:
    """Why there is no correlation."""
    if predicted["prediction"].isna().any():
        return "NaN among the predictions"
    if predicted["prediction"].nunique() == 1:
        return "constant predictions"
    return "constant labels" if gold["label"].nunique() == 1 else ""


def _absolute_error(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    import numpy as np

    error = np.abs(gold["label"].to_numpy(float) - predicted["prediction"].to_numpy(float))
    return np.stack([error, np.ones_like(error)], axis=1)


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]
