"""Fits a linear head to the embeddings of the training rows. Imports torch: import it inside functions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, cast

import torch

from tuneproof.errors import MethodError
from tuneproof.tunings import embedding, heads

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.tunings.base import Material

ITERATIONS = 1000


def settle(model: PreTrainedModel, task: Task, material: Material, c: float) -> None:
    """Write weights and biases of the model's `heads.Linear`; `c` is the inverse strength of the L2 penalty, > 0.

    Raises `MethodError` where the training rows show one label alone.
    """
    embeddings, answers = embedding.of_training_rows(model, material)
    rows, targets = embeddings.cpu().double().numpy(), answers.cpu().numpy()
    head = cast(heads.Linear, model.head)
    fitted = _ridge(rows, targets, c) if task.name == "regression" else _logistic(rows, targets, c, len(head.bias))
    for buffer, values in zip((head.weight, head.bias), fitted, strict=True):
        buffer.copy_(torch.from_numpy(values))


def _ridge(rows: np.ndarray, targets: np.ndarray, c: float) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np
    from sklearn.linear_model import Ridge

    fitted = Ridge(alpha=1 / c).fit(rows, targets.astype(np.float64))
    return fitted.coef_.reshape(1, -1), np.array([fitted.intercept_])


def _logistic(rows: np.ndarray, targets: np.ndarray, c: float, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (outputs × width) and biases (outputs); outputs without a training row get `heads.NEVER`."""
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    shown = np.unique(targets)
    if len(shown) < 2:
        raise MethodError("the training rows show one label alone; logistic regression needs two")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # at very large C the optimum is far away and flat
        fitted = LogisticRegression(C=c, max_iter=ITERATIONS).fit(rows, targets)
    weight, bias = np.zeros((outputs, rows.shape[1])), np.full(outputs, heads.NEVER)
    if len(shown) == 2:  # one row of coefficients: the log-odds of the second class
        bias[shown] = 0.0, fitted.intercept_[0]
        weight[shown[1]] = fitted.coef_[0]
    else:
        weight[shown], bias[shown] = fitted.coef_, fitted.intercept_
    return weight, bias
