"""What is answered by one class: rows of classification, words of named entity recognition, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Task


class Items(NamedTuple):
    """Probabilities (items × classes) and the true class of each item, by its place among the labels."""

    probabilities: np.ndarray
    truth: np.ndarray
    row: np.ndarray
    """The row (sentence) that each item belongs to, rising."""
    rows: int

    @property
    def guess(self) -> np.ndarray:
        """The most probable class; the first of equals."""
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        return self.guess == self.truth

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the most probable class."""
        return self.probabilities.max(axis=1)

    @property
    def of_truth(self) -> np.ndarray:
        """Probability of the true class."""
        import numpy as np

        return np.asarray(self.probabilities[np.arange(len(self.truth)), self.truth])

    def by_row(self, statistics: np.ndarray) -> np.ndarray:
        """Sums of items × statistics over the items of each row."""
        if self.rows == len(self.row):
            return statistics
        import numpy as np
        from scipy.sparse import csr_array

        places = (np.ones(len(self.row)), (self.row, np.arange(len(self.row))))
        return np.asarray(csr_array(places, shape=(self.rows, len(self.row))) @ statistics)


def read(task: Task, gold: pd.DataFrame, predicted: pd.DataFrame, labels: Sequence[str]) -> Items | str:
    """Items of one run, its predictions in the order of the gold rows; a text says why there are none."""
    import numpy as np

    if task.name == "regression":
        return "regression has no classes"
    if "probabilities" not in predicted or not labels:
        return "no probabilities"
    if not len(gold):
        return "no rows"
    if task.name == "ner":
        given = np.array([word for sentence in predicted["probabilities"] for word in sentence], dtype=np.float64)
        names = np.array([tag for sentence in gold["tags"] for tag in sentence], dtype=object)
        row = np.repeat(np.arange(len(gold)), [len(sentence) for sentence in gold["tags"]])
    else:
        given = np.stack(list(predicted["probabilities"])).astype(np.float64)
        names, row = gold["label"].to_numpy(dtype=object), np.arange(len(gold))
    unknown = sorted(set(names) - set(labels))
    if unknown:
        return f"class {unknown[0]} has no probability"
    if given.shape != (len(names), len(labels)):
        return f"found {' × '.join(map(str, given.shape))} probabilities for {len(names)} × {len(labels)}"
    if np.isnan(given).any():
        return "NaN among the probabilities"
    place = {label: column for column, label in enumerate(labels)}
    return Items(given, np.array([place[name] for name in names], dtype=np.int64), row, len(gold))
