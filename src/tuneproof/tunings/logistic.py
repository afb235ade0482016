"""Logistic regression on the embeddings of the frozen body; ridge regression where a number is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.closed_form import ClosedForm

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Logistic(ClosedForm):
    """Multinomial logistic regression with an L2 penalty, fitted to its optimum by scikit-learn (L-BFGS).

    Minimises ½‖w‖² + C Σ loss over the training rows; ner: over the first sub-tokens of their words. Regression:
    ridge with α = 1 / C (Hoerl and Kennard 1970). The intercept is not penalised.
    """

    idea = "Logistic (or ridge) regression on the frozen body's embeddings, fitted to the optimum."
    paper = "Cox 1958, J. R. Stat. Soc. B 20(2); on embeddings: Tunstall et al. 2022, arXiv 2209.11055"
    # MiniLM, 320 texts (accuracy / entity F1): C 0.1 .74/.00, 1 .76/.10, 10 .76/.15, 100 .71/.19, 1000 .71/.16.
    learning_rates = LearningRates(1e-2, 1e3, first=10.0)
    scale = "inverse regularisation C"

    def head(self, task: Task, outputs: int, width: int) -> nn.Module:
        from tuneproof.tunings.heads import Linear

        return Linear(outputs, width)

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        from tuneproof.tunings.linear_fit import settle

        settle(model, task, material, scale)
