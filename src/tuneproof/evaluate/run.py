"""The evaluate stage: judges all methods and ensembles of one data set and model together.

Reads prepared labels and predictions, writes the tables `scores`, `comparisons`, `groups` and `entities` as CSV and as
Parquet, and `metrics.json` (docs/statistics.md explains every column). It is the only stage that reads the labels of
the test split. What cannot be judged is a row with a note, never a crash. Equal input gives equal bytes.
"""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import statistics, tasks
from tuneproof.errors import DataError
from tuneproof.evaluate import entities, scores, tables
from tuneproof.evaluate.predictions import SPLITS, Answers, read_all, read_prepared
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, TRUTH, rounded
from tuneproof.files import write_json
from tuneproof.statistics import Difference, Interval, Measured, Test, order, power

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
COMPARISONS = {
    **dict.fromkeys(("dataset", "model", "a", "b", "score"), TEXT),
    **dict.fromkeys(("difference", "low", "high", "p", "p_holm"), NUMBER),
    "distinguishable": TRUTH,
    **dict.fromkeys(("detectable", "p_randomisation", "epsilon_min"), NUMBER),
    **dict.fromkeys(("rows", "seeds"), COUNT),
    **dict.fromkeys(("variance_rows", "variance_seeds", "variance_both"), NUMBER),
    **dict.fromkeys(("seeds_needed", "rows_needed"), COUNT),
    **dict.fromkeys(("needed_note", "note"), TEXT),
}
GROUPS = {"method": TEXT, "letters": TEXT}


class Candidate(NamedTuple):
    """What is judged: a method with its runs by seed, or an ensemble with one set of predictions (seed None)."""

    name: str
    kind: str
    runs: dict[int | None, dict[str, pd.DataFrame]]
    """Seed → predictions of each split."""
    faults: dict[int | None, str]
    """Seed → why this run cannot be judged."""

    @property
    def seeds(self) -> tuple[int, ...] | None:
        return tuple(seed for seed in self.runs if seed is not None) or None


class Primary(NamedTuple):
    """The primary score of one candidate on the test split."""

    measured: Measured
    statistics: list[np.ndarray]
    """Rows × statistics of each run."""


def run(settings: dict[str, Any], prepared: Path, predictions: dict[str, Path], out: Path) -> None:
    """Judge the predictions of one data set and model.

    `settings`: `task`, `dataset`, `model`, `evaluation` (`bootstrap`, `confidence`, `seed`). `predictions` maps
    `method/seed-N` and `ensemble:name` to files; those without rows are left out, and those that are not there or do
    not answer the prepared rows are named in the tables. Raises `DataError` where a file is damaged.
    """
    task, evaluation = tasks.get(settings["task"]), settings["evaluation"]
    confidence = evaluation["confidence"]
    where = {"dataset": settings["dataset"], "model": settings["model"]}
    gold = read_prepared(prepared)
    candidates = _candidates(predictions, read_all(predictions, gold))
    labels = _labels(task, prepared, gold, candidates)
    found = scores.of(task, labels)

    score_rows: list[dict[str, Any]] = []
    entity_rows: list[dict[str, Any]] = []
    primary: dict[str, Primary] = {}
    metrics: dict[str, dict[str, float | None]] = {}
    for split in SPLITS:
        counts = statistics.resamples(len(gold[split]), evaluation["bootstrap"], seed=evaluation["seed"])
        for candidate in candidates:
            about = {**where, "method": candidate.name, "kind": candidate.kind, "split": split}
            runs = [answers[split] for answers in candidate.runs.values()]
            for name, (measured, made) in _measure(found, gold[split], runs, counts, candidate.seeds).items():
                rows = _score_rows(measured, candidate, confidence)
                score_rows += [{**about, "score": name, **row} for row in rows]
                if split == "test":
                    metrics.setdefault(candidate.name, {})[name] = rows[-1]["value"]
                    if name == task.primary and runs:
                        primary[candidate.name] = Primary(measured, made)
            if task.name == "ner" and split == "test" and runs:
                entity_rows += [
                    {**about, **row} for row in entities.rows(gold[split], runs, counts, candidate.seeds, confidence)
                ]

    ranked = sorted(primary, key=lambda name: _rank(primary[name].measured))
    score = found[task.primary]
    compared = [{**where, "score": task.primary, **row} for row in _compare(ranked, primary, score, evaluation)]
    groups = statistics.letters(ranked, [(row["a"], row["b"]) for row in compared if row["distinguishable"]])
    tables.write(out, "scores", SCORES, score_rows)
    tables.write(out, "comparisons", COMPARISONS, compared)
    tables.write(out, "groups", GROUPS, [{"method": name, "letters": groups[name]} for name in ranked])
    tables.write(out, "entities", entities.COLUMNS, entity_rows)
    write_json(out / "metrics.json", metrics)


def _candidates(predictions: dict[str, Path], found: Answers) -> list[Candidate]:
    """Runs gathered by method, in the order given; seeds rise. Those that were left out are not among them."""
    gathered: dict[str, Candidate] = {}
    for key in predictions:
        if key.startswith("ensemble:"):
            name, kind, seed = key.removeprefix("ensemble:"), "ensemble", None
        else:
            name, separator, number = key.rpartition("/seed-")
            if not separator or not number.isdecimal():
                raise DataError(f"predictions: found {key!r}; allowed: method/seed-N or ensemble:name")
            kind, seed = "method", int(number)
        if key not in found.answers and key not in found.faults:
            continue
        candidate = gathered.setdefault(name, Candidate(name, kind, {}, {}))
        if candidate.kind != kind:
            raise DataError(f"predictions: {name!r} names a method and an ensemble; rename one of them")
        if key in found.answers:
            candidate.runs[seed] = found.answers[key]
        else:
            candidate.faults[seed] = found.faults[key]
    return [c._replace(runs=dict(sorted(c.runs.items(), key=lambda run: run[0] or 0))) for c in gathered.values()]


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


def _score_rows(measured: Measured, candidate: Candidate, confidence: float) -> list[dict[str, Any]]:
    """A row a seed (interval over examples), then the row over all seeds (interval over both)."""
    rows: dict[int | None, dict[str, Any]] = {}
    for place, seed in enumerate(measured.seeds or ()):
        reasons = measured.reasons[place : place + 1]
        alone = Measured(measured.observed[[place]], measured.resampled[:, [place]], measured.rows, None, reasons)
        row = _row(statistics.interval(alone, confidence=confidence))
        rows[seed] = {"seed": seed, **row, "note": row["note"] if row["low"] is None else ""}
    faults = {seed: f"not evaluated: {fault}" for seed, fault in candidate.faults.items()}
    rows |= {seed: {"seed": seed, "note": note} for seed, note in faults.items() if seed is not None}
    lines = [rows[seed] for seed in sorted(rows, key=lambda seed: seed or 0)]
    if not candidate.runs:
        return [*lines, {"seed": None, "value": None, "note": next(iter(faults.values()))}]
    row = _row(statistics.interval(measured, confidence=confidence))
    if faults:
        missing = f"{len(faults)} of {len(faults) + len(candidate.runs)} seeds not evaluated"
        row["note"] = "; ".join(note for note in (missing, row["note"]) if note)
    return [*lines, {"seed": None, **row}]


def _row(interval: Interval) -> dict[str, Any]:
    return {
        "value": rounded(interval.value),
        "low": rounded(interval.low),
        "high": rounded(interval.high),
        "note": interval.note,
    }


def _compare(
    ranked: list[str], primary: dict[str, Primary], score: Score, evaluation: dict[str, Any]
) -> list[dict[str, Any]]:
    """All pairs, the better one as `a`; Holm's correction runs over all of them."""
    confidence = evaluation["confidence"]
    pairs = list(combinations(ranked, 2))
    found = [statistics.difference(primary[a].measured, primary[b].measured, confidence=confidence) for a, b in pairs]
    adjusted = statistics.holm([difference.p for difference in found])
    return [
        {
            "a": a,
            "b": b,
            "difference": rounded(difference.value),
            "low": rounded(difference.low),
            "high": rounded(difference.high),
            "p": rounded(difference.p),
            "p_holm": rounded(p_holm),
            "distinguishable": p_holm < 1 - confidence,  # false where p is NaN: nothing was shown
            "detectable": rounded(difference.detectable),
            **_from_other_sides(primary[a], primary[b], difference, score, evaluation),
        }
        for (a, b), difference, p_holm in zip(pairs, found, adjusted, strict=True)
    ]


def _from_other_sides(
    a: Primary, b: Primary, difference: Difference, score: Score, evaluation: dict[str, Any]
) -> dict[str, Any]:
    """Tests that rest on other ideas, and what it would take to tell the two apart."""
    confidence, seed = evaluation["confidence"], evaluation["seed"]
    notes = [difference.note]
    randomised = _randomised(a, b, score, evaluation)
    if difference.note != randomised.note:
        notes.append(randomised.note)
    row: dict[str, Any] = {"p_randomisation": rounded(randomised.p), "rows": a.measured.rows}
    if a.measured.seeds and b.measured.seeds:
        above = order.almost_stochastic_order(
            a.measured.observed, b.measured.observed, confidence=confidence, seed=seed
        )
        row["epsilon_min"] = rounded(above.epsilon)
        if not math.isnan(difference.p):
            notes.append(above.note)
    seeds = len(statistics.places(a.measured, b.measured)[0])
    parts = power.parts(a.measured, b.measured)
    if parts is None or math.isnan(difference.value):
        row["needed_note"] = "not defined: it takes two seeds and two rows with a score"
    else:
        needed = power.needed(parts, difference.value, rows=a.measured.rows, seeds=seeds, confidence=confidence)
        names = ("variance_rows", "variance_seeds", "variance_both")
        row |= {name: rounded(value) for name, value in zip(names, parts, strict=True)}
        row |= {"seeds": seeds, "seeds_needed": needed.seeds, "rows_needed": needed.rows, "needed_note": needed.note}
    return {**row, "note": "; ".join(dict.fromkeys(note for note in notes if note))}


def _randomised(a: Primary, b: Primary, score: Score, evaluation: dict[str, Any]) -> Test:
    """Approximate randomisation over rows, in the runs of the seeds in common."""
    places = statistics.places(a.measured, b.measured)
    if not places[0] or score.weighted is not None:
        return Test(math.nan)
    mine, others = ([side.statistics[place] for place in chosen] for side, chosen in zip((a, b), places, strict=True))
    return statistics.approximate_randomisation(
        score, mine, others, rounds=evaluation["bootstrap"], seed=evaluation["seed"]
    )


def _rank(measured: Measured) -> float:
    """Sorts the best first; an undefined score is last. Primary scores rise with quality (see Task.primary)."""
    value = float(measured.observed.mean())
    return math.inf if math.isnan(value) else -value
