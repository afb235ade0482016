"""All scores of a task: those that its fits watch, and more that only the verdict needs.

Here, and not in `tasks`, so that another score changes no fit. Each is a `Score`, so that it has an interval: a
function of sums over rows, or of weighted ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tuneproof import files
from tuneproof.tasks.base import Score
from tuneproof.tasks.classification import confusion
from tuneproof.tasks.regression import constant

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Task


class Labels(NamedTuple):
    """Classes of one data set."""

    probabilities: Sequence[str]
    """In the order of the probabilities; empty where no data card is at hand."""
    classes: Sequence[str] | None
    """All that occur in gold labels or answers of any method; None: those of the method that is scored."""


def of(task: Task, labels: Labels) -> dict[str, Score]:
    """All scores by name, the primary one first."""
    further = FURTHER.get(task.name)
    return {**task.scores(labels.classes), **(further(labels) if further else {})}


def by_card(task: Task, prepared: Path) -> dict[str, Score]:
    """All scores by name, for one method alone; `prepared` is the folder of the data set."""
    return of(task, Labels(card_labels(prepared), None))


def card_labels(prepared: Path) -> list[str]:
    """The order of the probabilities, as the data card has it; empty where there is no card."""
    card = prepared / "card.json"
    return list(files.read_json(card)["labels"]) if card.exists() else []


def _classification(labels: Labels) -> dict[str, Score]:
    counts = partial(confusion, labels=labels.classes)
    known = list(labels.probabilities)
    return {
        "weighted_f1": Score(counts, _weighted_f1),
        "mcc": Score(counts, _matthews, undefined=_one_class),
        "auroc": Score(partial(_ranked, labels=known), _unused, weighted=_auroc, undefined=partial(_no_auroc, known)),
        "log_loss": Score(
            partial(_surprise, labels=known), _mean, greater_is_better=False, undefined=partial(_no_probability, known)
        ),
    }


def _regression(labels: Labels) -> dict[str, Score]:
    return {"r2": Score(_squares, _r2, undefined=_constant_labels)}


FURTHER: dict[str, Callable[[Labels], dict[str, Score]]] = {
    "classification": _classification,
    "regression": _regression,
}


# classification


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _weighted_f1(sums: np.ndarray) -> np.ndarray:
    """Mean of the classes' F1, weighted by their gold rows."""
    import numpy as np

    hit, guessed, true = (sums[..., i::3] for i in range(3))
    total = guessed + true
    f1 = 2 * hit / np.where(total > 0, total, 1)
    return (f1 * true).sum(axis=-1) / true.sum(axis=-1)


def _matthews(sums: np.ndarray) -> np.ndarray:
    """Matthews' correlation for any number of classes (Gorodkin 2004); NaN where one class is all there is."""
    import numpy as np

    hit, guessed, true = (sums[..., i::3] for i in range(3))
    rows = true.sum(axis=-1)
    together = hit.sum(axis=-1) * rows - (guessed * true).sum(axis=-1)
    spread = (rows**2 - (guessed**2).sum(axis=-1)) * (rows**2 - (true**2).sum(axis=-1))
    return np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1)), np.nan)


def _one_class(gold: pd.DataFrame, predicted: pd.DataFrame) -> str:
    if predicted["prediction"].nunique() == 1:
        return "constant predictions"
    return "constant labels" if gold["label"].nunique() == 1 else ""


def _no_probability(labels: list[str], gold: pd.DataFrame, predicted: pd.DataFrame) -> str:
    if "probabilities" not in predicted or not labels:
        return "no probabilities"
    unknown = sorted(set(gold["label"]) - set(labels))
    return f"class {unknown[0]} has no probability" if unknown else ""


def _no_auroc(labels: list[str], gold: pd.DataFrame, predicted: pd.DataFrame) -> str:
    reason = _no_probability(labels, gold, predicted)
    present = gold["label"].unique()
    if reason or len(present) > 1:
        return reason
    return f"only class {present[0]} in this split" if len(present) else "no rows"


def _probabilities(gold: pd.DataFrame, predicted: pd.DataFrame, labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows × classes: probabilities, and 1 for the gold class; NaN where there are none."""
    import numpy as np

    truth = (gold["label"].to_numpy()[:, None] == np.array(labels or [""], dtype=object)).astype(np.float64)
    if _no_probability(labels, gold, predicted) or not len(gold):
        return np.full(truth.shape, np.nan), truth
    return np.stack(list(predicted["probabilities"])).astype(np.float64), truth


def _surprise(gold: pd.DataFrame, predicted: pd.DataFrame, *, labels: list[str]) -> np.ndarray:
    """−ln of the gold class's probability, which is at least 2⁻²³: a rounded zero must not outweigh all else."""
    import numpy as np

    given, truth = _probabilities(gold, predicted, labels)
    sure = np.clip((given * truth).sum(axis=1), np.finfo(np.float32).eps, 1)
    return np.stack([-np.log(sure), np.ones(len(sure))], axis=1)


def _ranked(gold: pd.DataFrame, predicted: pd.DataFrame, *, labels: list[str]) -> np.ndarray:
    """Rows × 2·classes: probabilities, then gold indicators. Two classes need the second one alone."""
    import numpy as np

    given, truth = _probabilities(gold, predicted, labels)
    if given.shape[1] == 2:
        given, truth = given[:, 1:], truth[:, 1:]
    return np.concatenate([given, truth], axis=1)


def _unused(sums: np.ndarray) -> np.ndarray:
    raise AssertionError("a score of ranks is no function of sums")


def _auroc(statistics: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of (row of a class, row of another) pairs that the class's probability puts in order; ties count half.

    Mean over the classes that have rows and leave rows to others (one against the rest);
    NaN where no class does.
    """
    import numpy as np

    classes = statistics.shape[1] // 2
    total, counted = np.zeros(len(weights)), np.zeros(len(weights))
    for place in range(classes):
        given, truth = statistics[:, place], statistics[:, classes + place]
        if np.isnan(given).any():
            return np.full(len(weights), np.nan)
        levels, level = np.unique(given, return_inverse=True)
        rows = np.argsort(level, kind="stable")
        starts = np.searchsorted(level[rows], np.arange(len(levels)))
        if not len(rows):
            continue
        own, other = (np.add.reduceat((weights * side)[:, rows], starts, axis=1) for side in (truth, 1 - truth))
        ordered = (own * (np.cumsum(other, axis=1) - other / 2)).sum(axis=1)
        pairs = own.sum(axis=1) * other.sum(axis=1)
        total += np.where(pairs > 0, ordered / np.where(pairs > 0, pairs, 1), 0)
        counted += pairs > 0
    return np.where(counted > 0, total / np.where(counted > 0, counted, 1), np.nan)


# regression


def _squares(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    """Squared error, label and its square (labels centred first, for precision), 1."""
    import numpy as np

    truth, guess = gold["label"].to_numpy(float), predicted["prediction"].to_numpy(float)
    centred = truth - truth.mean() if len(truth) else truth
    return np.stack([(truth - guess) ** 2, centred, centred**2, np.ones_like(truth)], axis=1)


def _r2(sums: np.ndarray) -> np.ndarray:
    """1 − squared error ÷ squared distance of the labels from their mean; NaN where all labels are the same."""
    import numpy as np

    error, label, square, rows = (sums[..., i] for i in range(4))
    spread = square - label**2 / np.where(rows > 0, rows, 1)
    defined = spread > 1e-12 * np.maximum(square, 1e-300)
    return np.where(defined, 1 - error / np.where(defined, spread, 1), np.nan)


def _constant_labels(gold: pd.DataFrame, predicted: pd.DataFrame) -> str:
    reason = constant(gold, predicted)
    return "" if reason == "constant predictions" and gold["label"].nunique() > 1 else reason
