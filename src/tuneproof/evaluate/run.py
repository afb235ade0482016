"""The evaluate stage: judges all methods and ensembles of one data set and model together.

Reads prepared labels and predictions, writes `scores.csv`, `comparisons.csv`, `groups.csv` and `metrics.json`
(docs/statistics.md explains every column). It is the only stage that reads the labels of the test split. Equal input
gives equal bytes.
"""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import statistics, tasks
from tuneproof.errors import DataError
from tuneproof.evaluate.predictions import SPLITS, answering, read, read_prepared
from tuneproof.files import write_csv, write_json
from tuneproof.statistics import Interval, Measured

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Task

SCORES = ("dataset", "model", "method", "kind", "split", "seed", "score", "value", "low", "high", "note")
COMPARISONS = (
    *("dataset", "model", "a", "b", "score", "difference", "low", "high"),
    *("p", "p_holm", "distinguishable", "detectable", "note"),
)
DIGITS = 6
"""Significant digits of every number: more than any test set supports, few enough to hide the order of summation."""


class Candidate(NamedTuple):
    """What is judged: a method with its runs by seed, or an ensemble with one set of predictions (seed None)."""

    name: str
    kind: str
    runs: dict[int | None, Path]

    @property
    def seeds(self) -> tuple[int, ...] | None:
        return tuple(seed for seed in self.runs if seed is not None) or None


def run(settings: dict[str, Any], prepared: Path, predictions: dict[str, Path], out: Path) -> None:
    """Judge the predictions of one data set and model.

    `settings`: `task`, `dataset`, `model`, `evaluation` (`bootstrap`, `confidence`, `seed`). `predictions` maps
    `method/seed-N` and `ensemble:name` to files; those without rows are left out. Raises `DataError` where another file
    does not answer the prepared rows.
    """
    task, evaluation = tasks.get(settings["task"]), settings["evaluation"]
    where = {"dataset": settings["dataset"], "model": settings["model"]}
    gold = read_prepared(prepared)
    candidates = _candidates(answering(predictions))
    answers = {path: read(path, gold) for candidate in candidates for path in candidate.runs.values()}

    scores: list[dict[str, Any]] = []
    primary: dict[str, Measured] = {}
    metrics: dict[str, dict[str, float | None]] = {}
    for split in SPLITS:
        counts = statistics.resamples(len(gold[split]), evaluation["bootstrap"], seed=evaluation["seed"])
        for candidate in candidates:
            runs = [answers[path][split] for path in candidate.runs.values()]
            for score, measured in _measure(task, gold[split], runs, counts, candidate.seeds).items():
                about = {**where, "method": candidate.name, "kind": candidate.kind, "split": split, "score": score}
                rows = _score_rows(measured, evaluation["confidence"])
                scores += [{**about, **row} for row in rows]
                if split == "test":
                    metrics.setdefault(candidate.name, {})[score] = rows[-1]["value"]
                    if score == task.primary:
                        primary[candidate.name] = measured

    ranked = sorted(primary, key=lambda name: _rank(primary[name]))
    compared = [{**where, "score": task.primary, **row} for row in _compare(ranked, primary, evaluation["confidence"])]
    groups = statistics.letters(ranked, [(row["a"], row["b"]) for row in compared if row["distinguishable"]])
    write_csv(out / "scores.csv", _frame(scores, SCORES))
    write_csv(out / "comparisons.csv", _frame(compared, COMPARISONS))
    write_csv(out / "groups.csv", _frame([{"method": m, "letters": groups[m]} for m in ranked], ("method", "letters")))
    write_json(out / "metrics.json", metrics)


def _candidates(predictions: dict[str, Path]) -> list[Candidate]:
    """Runs gathered by method, in the order given; seeds rise."""
    found: dict[str, Candidate] = {}
    for key, path in predictions.items():
        if key.startswith("ensemble:"):
            name, kind, seed = key.removeprefix("ensemble:"), "ensemble", None
        else:
            name, separator, number = key.rpartition("/seed-")
            if not separator or not number.isdecimal():
                raise DataError(f"predictions: found {key!r}; allowed: method/seed-N or ensemble:name")
            kind, seed = "method", int(number)
        candidate = found.setdefault(name, Candidate(name, kind, {}))
        if candidate.kind != kind:
            raise DataError(f"predictions: {name!r} names a method and an ensemble; rename one of them")
        candidate.runs[seed] = path
    return [c._replace(runs=dict(sorted(c.runs.items(), key=lambda run: run[0] or 0))) for c in found.values()]


def _measure(
    task: Task, gold: pd.DataFrame, runs: list[pd.DataFrame], counts: np.ndarray, seeds: tuple[int, ...] | None
) -> dict[str, Measured]:
    """Every score of the task; scores that share their statistics share the work of making them."""
    made: dict[Any, list[np.ndarray]] = {}
    measured = {}
    for name, score in task.scores().items():
        if score.statistics not in made:
            made[score.statistics] = [score.statistics(gold, predicted) for predicted in runs]
        measured[name] = statistics.measure(score, made[score.statistics], counts, seeds=seeds)
    return measured


def _score_rows(measured: Measured, confidence: float) -> list[dict[str, Any]]:
    """A row a seed (interval over examples), then the row over all seeds (interval over both)."""
    rows = []
    for place, seed in enumerate(measured.seeds or ()):
        alone = Measured(measured.observed[[place]], measured.resampled[:, [place]], measured.rows, None)
        rows.append({"seed": seed, **_row(statistics.interval(alone, confidence=confidence)), "note": ""})
    return [*rows, {"seed": None, **_row(statistics.interval(measured, confidence=confidence))}]


def _row(interval: Interval) -> dict[str, Any]:
    return {
        "value": _rounded(interval.value),
        "low": _rounded(interval.low),
        "high": _rounded(interval.high),
        "note": interval.note,
    }


def _compare(ranked: list[str], primary: dict[str, Measured], confidence: float) -> list[dict[str, Any]]:
    """All pairs, the better one as `a`; Holm's correction runs over all of them."""
    pairs = list(combinations(ranked, 2))
    found = [statistics.difference(primary[a], primary[b], confidence=confidence) for a, b in pairs]
    adjusted = statistics.holm([difference.p for difference in found])
    return [
        {
            "a": a,
            "b": b,
            "difference": _rounded(difference.value),
            "low": _rounded(difference.low),
            "high": _rounded(difference.high),
            "p": _rounded(difference.p),
            "p_holm": _rounded(p_holm),
            "distinguishable": p_holm < 1 - confidence,  # false where p is NaN: nothing was shown
            "detectable": _rounded(difference.detectable),
            "note": difference.note,
        }
        for (a, b), difference, p_holm in zip(pairs, found, adjusted, strict=True)
    ]


def _rank(measured: Measured) -> float:
    """Sorts the best first; an undefined score is last. Primary scores rise with quality (see Task.primary)."""
    value = float(measured.observed.mean())
    return math.inf if math.isnan(value) else -value


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=list(columns), dtype=object)
