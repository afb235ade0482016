"""The evaluate stage: judges all methods and ensembles of one data set and model together.

Reads prepared labels and predictions, writes the tables `scores`, `comparisons`, `groups`, `entities` and `robustness`
as CSV and as Parquet, and `metrics.json` (docs/statistics.md explains every column). It is the only stage that reads
the labels of the test split. What cannot be judged is a row with a note, never a crash. Equal input gives equal bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import statistics, tasks
from tuneproof.evaluate import (
    calibration,
    checks,
    compare,
    confusion,
    ensembles,
    entities,
    inside,
    mistakes,
    robustness,
    scores,
    slices,
    summary,
    tables,
    transfer,
)
from tuneproof.evaluate.candidates import Candidate, Judged, gather
from tuneproof.evaluate.predictions import SPLITS, read_all, read_prepared
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT
from tuneproof.files import write_json
from tuneproof.statistics import Measured

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Score, Task

SCORES = {
    **dict.fromkeys(("dataset", "model", "method", "kind", "split"), TEXT),
    "seed": COUNT,
    "score": TEXT,
    **dict.fromkeys(("value", "low", "high"), NUMBER),
    "note": TEXT,
}


def run(
    settings: dict[str, Any],
    prepared: Path,
    predictions: dict[str, Path],
    out: Path,
    challenges: dict[str, Path] | None = None,
) -> None:
    """Judge the predictions of one data set and model.

    `settings`: `task`, `dataset`, `model`, `evaluation` (`bootstrap`, `confidence`, `seed`). `predictions` maps
    `method/seed-N` and `ensemble:name` to files; those without rows are left out, and those that are not there or do
    not answer the prepared rows are named in the tables. `challenges`: method → folder that `challenge` wrote. Raises
    `DataError` where a file is damaged.
    """
    task, evaluation = tasks.get(settings["task"]), settings["evaluation"]
    confidence = evaluation["confidence"]
    where = {"dataset": settings["dataset"], "model": settings["model"]}
    gold = read_prepared(prepared)
    candidates = gather(predictions, read_all(predictions, gold))
    labels = _labels(task, prepared, gold, candidates)
    found = scores.of(task, labels)

    score_rows: list[dict[str, Any]] = []
    entity_rows: list[dict[str, Any]] = []
    primary: dict[str, compare.Primary] = {}
    metrics: dict[str, dict[str, float | None]] = {}
    for split in SPLITS:
        drawn = statistics.resamples(len(gold[split]), evaluation["bootstrap"], seed=evaluation["seed"])
        counts = statistics.weights(drawn)
        for candidate in candidates:
            about = {**where, "method": candidate.name, "kind": candidate.kind, "split": split}
            runs = [answers[split] for answers in candidate.runs.values()]
            for name, (measured, made) in _measure(found, gold[split], runs, counts, candidate.seeds).items():
                rows = summary.by_seed(measured, candidate, confidence)
                score_rows += [{**about, "score": name, **row} for row in rows]
                if split == "test":
                    metrics.setdefault(candidate.name, {})[name] = rows[-1]["value"]
                    if name == task.primary and runs:
                        primary[candidate.name] = compare.primary(name, found[name], measured, made, evaluation)
            if task.name == "ner" and split == "test" and runs:
                entity_rows += [
                    {**about, **row} for row in entities.rows(gold[split], runs, counts, candidate.seeds, confidence)
                ]

    ranked = sorted(primary, key=lambda name: compare.rank(primary[name].measured))
    score = found[task.primary]
    compared = [{**where, "score": task.primary, **row} for row in compare.pairs(ranked, primary, score, evaluation)]
    groups = statistics.letters(ranked, [(row["a"], row["b"]) for row in compared if row["distinguishable"]])
    tables.write(out, "scores", SCORES, score_rows)
    tables.write(out, "comparisons", compare.COLUMNS, compared)
    tables.write(out, "groups", compare.GROUPS, [{"method": name, "letters": groups[name]} for name in ranked])
    tables.write(out, "entities", entities.COLUMNS, entity_rows)
    asked, regression = challenges or {}, task.name == "regression"
    behaviour = checks.rows(asked, evaluation, regression=regression)
    tables.write(out, "checks", checks.COLUMNS, [{**where, **row} for row in behaviour])
    elsewhere = transfer.rows(asked, prepared, task.scores(), evaluation)
    tables.write(out, "transfer", transfer.COLUMNS, [{**where, **row} for row in elsewhere])
    robust = robustness.rows(challenges or {}, gold["test"], task.scores(), evaluation)
    tables.write(out, "robustness", robustness.COLUMNS, [{**where, **row} for row in robust])
    for name, found_inside in inside.tables(challenges or {}, gold["test"], confidence).items():
        tables.write(out, name, inside.COLUMNS[name], [{**where, **row} for row in found_inside])
    judged = Judged(task, where, gold, candidates, labels, counts, evaluation, score, primary)
    for part in (calibration, confusion, mistakes, slices):
        for name, table in part.tables(judged).items():
            tables.write(out, name, part.COLUMNS[name], table)
    combined = ensembles.rows(judged, ensembles.told(predictions))
    tables.write(out, "ensembles", ensembles.COLUMNS, combined)
    write_json(out / "metrics.json", metrics)


def _labels(task: Task, prepared: Path, gold: dict[str, pd.DataFrame], candidates: list[Candidate]) -> scores.Labels:
    """The classes of probabilities, from the data card, and all that occur in any labels or answers."""
    known = scores.card_labels(prepared)
    if task.name != "classification":
        return scores.Labels(known, known)
    frames = [frame["label"] for frame in gold.values()]
    frames += [answers[split]["prediction"] for c in candidates for answers in c.runs.values() for split in SPLITS]
    return scores.Labels(known, sorted({*known, *(label for column in frames for label in column.unique())}))


def _measure(
    found: dict[str, Score],
    gold: pd.DataFrame,
    runs: list[pd.DataFrame],
    counts: np.ndarray,
    seeds: tuple[int, ...] | None,
) -> dict[str, tuple[Measured, list[np.ndarray]]]:
    """Every score of the task; scores that share their statistics share the work of making them."""
    made: dict[Any, list[np.ndarray]] = {}
    measured = {}
    for name, score in found.items():
        reasons = [score.undefined(gold, predicted) if score.undefined else "" for predicted in runs]
        if score.statistics not in made:
            made[score.statistics] = [score.statistics(gold, predicted) for predicted in runs]
        own = made[score.statistics]
        measured[name] = statistics.measure(score, own, counts, seeds=seeds, reasons=reasons), own
    return measured
