"""A regression on the members' answers, fitted on the validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from tuneproof.ensemble import level
from tuneproof.ensemble.base import Combination, Combined, Members
from tuneproof.errors import MethodError

if TYPE_CHECKING:
    import numpy as np

SHOWN = 6
"""Significant digits of coefficients, and decimals of probabilities: the optimum is found up to rounding."""


class Stacking(Combination):
    """Multinomial logistic regression with an L2 penalty on the members' probabilities; regression: ridge.

    Answers to the validation rows are those of regressions fitted on the other folds, so that their score is honest;
    answers to the test rows are those of one fitted on all validation rows. Its coefficients are all that is kept. ner:
    over words, with whole sentences in a fold. Labels that no validation row has get the probability 0.
    """

    idea = "A logistic (or ridge) regression on the members' answers, fitted on validation rows."
    paper = "Wolpert 1992, Neural Networks 5(2); Ting and Witten 1999, JAIR 10:271; numbers: Breiman 1996"

    folds: int = Field(5, ge=2, le=50, description="Parts of the validation rows; fewer where a class has fewer rows.")
    c: float = Field(1.0, gt=0, description="Inverse strength of the L2 penalty; ridge: α = 1 / c.")
    seed: int = Field(0, ge=0, description="Of the order in which rows are dealt out to folds.")

    def combine(self, members: Members) -> Combined:
        inputs = {split: _features(members, split) for split in members.answers}
        right = level.targets(members)
        fold = self._fold_of_units(members, right)
        numbers = members.task.name == "regression"
        units = _empty(members, len(right))
        for part in range(int(fold.max()) + 1):
            fitted = _fit(inputs["validation"][fold != part], right[fold != part], self.c, numbers=numbers)
            units[fold == part] = fitted.answer(inputs["validation"][fold == part], units.shape[1])
        last = _fit(inputs["validation"], right, self.c, numbers=numbers)
        found = {"validation": units, "test": last.answer(inputs["test"], units.shape[1])}
        answers = {split: level.answers(members, split, values.round(SHOWN)) for split, values in found.items()}
        about = {"folds": int(fold.max()) + 1, "coefficients": last.as_json(members)}
        return Combined(answers, last.weights(len(members.names)), about)

    def _fold_of_units(self, members: Members, right: np.ndarray) -> np.ndarray:
        """The fold of each unit of the validation split, from 0; those of a row are in one."""
        import numpy as np
        from sklearn.model_selection import KFold, StratifiedKFold

        rows = len(members.gold)
        if rows < 2:
            raise MethodError(f"stacking needs two validation rows; there are {rows}")
        smallest = int(np.unique(right, return_counts=True)[1].min()) if members.task.name == "classification" else 0
        kind = StratifiedKFold if smallest > 1 else KFold
        deal = kind(min(self.folds, smallest if smallest > 1 else rows), shuffle=True, random_state=self.seed)
        fold = np.zeros(rows, dtype=int)
        for place, (_, held) in enumerate(deal.split(np.zeros(rows), right if smallest > 1 else None)):
            fold[held] = place
        return np.repeat(fold, level.sizes(members.task, members.answers["validation"][0]))


class _Fitted(NamedTuple):
    """Linear predictor of each output: `inputs @ weight.T + bias`."""

    weight: np.ndarray
    """Outputs × inputs."""
    bias: np.ndarray
    shown: np.ndarray | None
    """Places of the labels that have an output each; None: the output is the number."""

    def answer(self, inputs: np.ndarray, labels: int) -> np.ndarray:
        """Units × labels: probabilities; regression: units × 1."""
        import numpy as np
        from scipy.special import softmax

        outputs = inputs @ self.weight.T + self.bias
        if self.shown is None:
            return np.asarray(outputs)
        found = np.zeros((len(inputs), labels))
        found[:, self.shown] = softmax(outputs, axis=1)
        return found

    def weights(self, members: int) -> list[float]:
        """Each member's share of the sum of all coefficients' absolute values; equal shares where all are 0."""
        import numpy as np

        sizes = np.abs(self.weight).sum(axis=0).reshape(members, -1).sum(axis=1)
        total = float(sizes.sum())
        return [float(f"{size / total:.{SHOWN}g}") if total else 1 / members for size in sizes]

    def as_json(self, members: Members) -> dict[str, Any]:
        names = ["value"] if self.shown is None else [members.labels[place] for place in self.shown]
        weight = self.weight.reshape(len(names), len(members.names), -1)
        return {
            "outputs": names,
            "inputs": _input_labels(members),
            "bias": [_short(value) for value in self.bias],
            "weight": {
                run: [[_short(value) for value in row] for row in weight[:, place]]
                for place, run in enumerate(members.names)
            },
        }


def _features(members: Members, split: str) -> np.ndarray:
    """Units × (members · inputs of each)."""
    import numpy as np

    given = level.inputs(members, split)
    given = given[:, :, -len(_input_labels(members)) :]
    return np.concatenate(list(given), axis=1)


def _input_labels(members: Members) -> list[str]:
    """Whose probabilities are inputs: of two labels the second one's says all."""
    return members.labels[1:] if len(members.labels) == 2 else members.labels


def _empty(members: Members, units: int) -> np.ndarray:
    import numpy as np

    return np.zeros((units, len(members.labels)))


def _fit(inputs: np.ndarray, right: np.ndarray, c: float, *, numbers: bool) -> _Fitted:
    return _ridge(inputs, right, c) if numbers else _logistic(inputs, right, c)


def _logistic(inputs: np.ndarray, right: np.ndarray, c: float) -> _Fitted:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    known = right >= 0
    shown = np.unique(right[known])
    if len(shown) < 2:
        raise MethodError("stacking needs two labels among the validation rows of every fold")
    fitted = LogisticRegression(C=c, max_iter=5000).fit(inputs[known], right[known])
    if len(shown) == 2:  # one row of coefficients: the log-odds of the second label
        zeros = np.zeros_like(fitted.coef_)
        return _Fitted(np.concatenate([zeros, fitted.coef_]), np.array([0.0, fitted.intercept_[0]]), shown)
    return _Fitted(fitted.coef_, fitted.intercept_, shown)


def _ridge(inputs: np.ndarray, right: np.ndarray, c: float) -> _Fitted:
    """In units of the labels' standard deviation about their mean, so that the penalty means the same for any scale."""
    import numpy as np
    from sklearn.linear_model import Ridge

    centre, scale = float(right.mean()), float(right.std()) or 1.0
    fitted = Ridge(alpha=1 / c).fit((inputs - centre) / scale, (right - centre) / scale)
    weight = fitted.coef_.reshape(1, -1)
    return _Fitted(weight, np.array([centre * (1 - weight.sum()) + scale * fitted.intercept_]), None)


def _short(value: float) -> float:
    return float(f"{value:.{SHOWN}g}")
