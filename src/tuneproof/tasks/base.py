"""What every task promises: columns, head, loss, decoding, scores.

Prepared rows are pandas frames with a string `id` and the task's columns; predictions are frames with `id` and the
task's prediction columns. Nothing here reads files.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase


class Score(NamedTuple):
    """A score as a function of sums over examples, so that a bootstrap resample is one matrix product.

    `statistics(gold, predicted)` gives an array of n examples × k statistics; `combine` turns (…, k) weighted sums
    into (…) scores, NaN where the score is not defined. `greater_is_better` says which way is up. A score that is no
    function of sums (one of ranks) has `weighted`: n × k statistics and m × n weights to m scores, in place of
    `combine`. `otherwise` is what a fit's own validation goes on with where the score is not defined; `undefined`
    says why it is not (empty: it is defined, or nothing is known).
    """

    statistics: Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]
    combine: Callable[[np.ndarray], np.ndarray]
    greater_is_better: bool = True
    weighted: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    otherwise: float = math.nan
    undefined: Callable[[pd.DataFrame, pd.DataFrame], str] | None = None

    def of(self, gold: pd.DataFrame, predicted: pd.DataFrame) -> float:
        """The score of predictions against prepared rows in the same order; NaN where it is not defined."""
        import numpy as np

        statistics = self.statistics(gold, predicted)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.weighted is None:
                return float(self.combine(statistics.sum(axis=0)))
            return float(self.weighted(statistics, np.ones((1, len(statistics))))[0])


class Task(ABC):
    """Base of all tasks; stateless."""

    name: ClassVar[str]
    auto_class: ClassVar[str]
    """Name of the transformers auto class with the right head."""
    peft_type: ClassVar[str]
    """Name of peft's TaskType."""
    primary: ClassVar[str]
    """The score that search, early stopping and the leaderboard use; greater is better."""
    columns: ClassVar[tuple[str, ...]]
    """Columns of a prepared frame beside `id`; `text_pair` may be absent."""
    answers: ClassVar[tuple[str, ...]] = ("prediction", "probabilities")
    """Columns of predictions beside `id` and `split`."""

    @abstractmethod
    def labels(self, train: pd.DataFrame) -> list[str]:
        """Names of the model's outputs, sorted, from the training rows; regression has one output."""

    @abstractmethod
    def encode(
        self,
        tokenizer: PreTrainedTokenizerBase,
        frame: pd.DataFrame,
        labels: list[str],
        *,
        max_length: int,
    ) -> dict[str, list[Any]]:
        """Tokenize: one list an example in each column: `input_ids`, `token_type_ids` where the tokenizer has them,
        `labels` (int, float, or one int a sub-token with −100 for "no label")."""

    @abstractmethod
    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""

    @abstractmethod
    def decode(self, logits: list[np.ndarray], encoded: dict[str, Any], labels: list[str]) -> dict[str, list[Any]]:
        """Prediction columns from one array of logits an example (NER: sub-tokens × labels, padding removed).

        classification: `prediction` (str), `probabilities` (one float a label, in the order of `labels`);
        regression: `prediction` (float); ner: `prediction` (one IOB2 tag a word), `probabilities` (words × labels).
        """

    @abstractmethod
    def combine(self, members: list[pd.DataFrame], weights: list[float], labels: list[str]) -> dict[str, list[Any]]:
        """Prediction columns of an ensemble: weighted mean of the members' probabilities (or numbers), decoded."""

    @abstractmethod
    def scores(self, labels: Sequence[str] | None = None) -> dict[str, Score]:
        """The scores that a fit watches by name, the primary one first; tuneproof.evaluate.scores has more.

        `labels`: classes that statistics have columns for, so that they are the same for all methods; those in gold
        labels and answers where not given.
        """

    def evaluate(self, gold: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
        """All scores of predictions against prepared rows in the same order; `Score.otherwise` where not defined."""
        found = {name: (score, score.of(gold, predicted)) for name, score in self.scores().items()}
        return {name: score.otherwise if math.isnan(value) else value for name, (score, value) in found.items()}
