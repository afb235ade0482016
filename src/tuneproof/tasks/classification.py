"""Classification of a text (or a pair): cross-entropy; accuracy and macro F1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tuneproof.tasks.base import Score, Task
from tuneproof.tasks.text import encode_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase


class Classification(Task):
    name = "classification"
    auto_class = "AutoModelForSequenceClassification"
    peft_type = "SEQ_CLS"
    primary = "accuracy"
    columns = ("text", "text_pair", "label")

    def labels(self, train: pd.DataFrame) -> list[str]:
        return sorted(set(train["label"]))

    def encode(
        self, tokenizer: PreTrainedTokenizerBase, frame: pd.DataFrame, labels: list[str], *, max_length: int
    ) -> dict[str, list[Any]]:
        encoded = encode_text(tokenizer, frame, max_length=max_length)
        if "label" in frame:
            index = {label: i for i, label in enumerate(labels)}
            encoded["labels"] = [index[label] for label in frame["label"]]
        return encoded

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits.float(), labels)

    def decode(self, logits: list[np.ndarray], encoded: dict[str, Any], labels: list[str]) -> dict[str, list[Any]]:
        import numpy as np
        from scipy.special import softmax

        return _pick(softmax(np.stack(logits).astype(np.float64), axis=-1).astype(np.float32), labels)

    def combine(self, members: list[pd.DataFrame], weights: list[float], labels: list[str]) -> dict[str, list[Any]]:
        import numpy as np

        stacked = np.stack([np.stack(list(member["probabilities"])) for member in members])
        return _pick(np.average(stacked, axis=0, weights=weights).astype(np.float32), labels)

    def scores(self, labels: Sequence[str] | None = None) -> dict[str, Score]:
        return {
            "accuracy": Score(_correct, _mean),
            "macro_f1": Score(partial(confusion, labels=labels), _macro_f1),
        }


def _pick(probabilities: np.ndarray, labels: list[str]) -> dict[str, list[Any]]:
    return {
        "prediction": [labels[i] for i in probabilities.argmax(axis=-1)],
        "probabilities": list(probabilities),
    }


def _correct(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    import numpy as np

    correct = gold["label"].to_numpy() == predicted["prediction"].to_numpy()
    return np.stack([correct, np.ones(len(correct))], axis=1).astype(np.float64)


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def confusion(gold: pd.DataFrame, predicted: pd.DataFrame, *, labels: Sequence[str] | None) -> np.ndarray:
    """For each class three indicators: true positive, predicted, gold (n × 3·classes)."""
    import numpy as np

    truth, guess = gold["label"].to_numpy(), predicted["prediction"].to_numpy()
    names = sorted(set(truth) | set(guess) if labels is None else set(labels))
    columns = [column for name in names for column in ((truth == name) & (guess == name), guess == name, truth == name)]
    return np.stack(columns, axis=1).astype(np.float64)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that occur in the (resampled) gold labels or predictions."""
    import numpy as np

    hit, guessed, true = (sums[..., i::3] for i in range(3))
    total = guessed + true
    f1 = 2 * hit / np.where(total > 0, total, 1)
    return f1.sum(axis=-1) / (total > 0).sum(axis=-1)
