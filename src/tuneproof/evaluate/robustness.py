"""What changed inputs cost: scores of the answers that the stage `challenge` collected.

Each method is compared with itself, on the same test rows as they are: the drop is paired over rows and runs. After a
method's challenges come its `mean` drop and its `worst` one, whose interval is widened for having been picked (at
confidence 1 − (1 − c)/k for k challenges: Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, statistics
from tuneproof.challenge import UNCHANGED
from tuneproof.errors import DataError
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded
from tuneproof.statistics import Difference, Measured

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Score

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "method", "challenge", "score"), TEXT),
    "strength": NUMBER,
    **dict.fromkeys(("rows", "rows_changed", "seeds"), COUNT),
    **dict.fromkeys(("unchanged", "changed", "drop", "low", "high"), NUMBER),
    "note": TEXT,
}
MEAN, WORST = "mean", "worst"


class Challenged(NamedTuple):
    """What one method answered."""

    strengths: dict[str, float]
    """Challenge → share of words changed."""
    unavailable: dict[str, str]
    """Challenge → why it could not be made."""
    gold: pd.DataFrame
    """The prepared rows that were asked, in order."""
    answers: dict[str, list[pd.DataFrame]]
    """Challenge → answers of each run, in the order of `gold`."""
    seeds: tuple[int, ...]


def rows(
    challenges: Mapping[str, Path], gold: pd.DataFrame, found: Mapping[str, Score], evaluation: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows of `COLUMNS` but for `dataset` and `model`.

    `challenges`: method → folder that `challenge` wrote. `gold`: the prepared test rows. Methods that were left out
    have no rows; what cannot be judged is a row with a note. Raises `DataError` where a file is damaged.
    """
    made: list[dict[str, Any]] = []
    counts: dict[int, np.ndarray] = {}
    for method, folder in challenges.items():
        told = read(folder, gold)
        if told is None:
            continue
        if isinstance(told, str):
            made.append({"method": method, "note": f"not evaluated: {told}"})
            continue
        size = len(told.gold)
        if size not in counts:
            counts[size] = statistics.resamples(size, evaluation["bootstrap"], seed=evaluation["seed"])
        for name, score in found.items():
            lines = _of_score(score, told, counts[size], evaluation["confidence"])
            made += [{"method": method, "score": name, **line} for line in lines]
    return made


def read(folder: Path, gold: pd.DataFrame) -> Challenged | str | None:
    """What a method answered; a text where it cannot be judged, None where it was left out."""
    about = files.read_json(folder / "challenge.json")
    if "left_out" in about:
        return None
    frame = files.read_frame(folder / "predictions.parquet")
    missing = [column for column in ("seed", "challenge", "id", "changed", "prediction") if column not in frame]
    if missing:
        raise DataError(f"{folder / 'predictions.parquet'}: no column {missing[0]}; delete it and run again")
    by_id = gold.set_index("id", drop=False)
    unknown = frame["id"][~frame["id"].isin(by_id.index)]
    if len(unknown):
        return f"{len(unknown)} answers to rows that are not in the test split, as {unknown.iloc[0]!r}"
    answers: dict[str, list[pd.DataFrame]] = {}
    first = frame[(frame["challenge"] == UNCHANGED) & (frame["seed"] == frame["seed"].iloc[0])]
    for (_, challenge), part in frame.groupby(["seed", "challenge"], sort=False):
        if list(part["id"]) != list(first["id"]):
            return f"{challenge} does not answer the rows that {UNCHANGED} does"
        answers.setdefault(str(challenge), []).append(part.reset_index(drop=True))
    asked = by_id.loc[first["id"]].reset_index(drop=True)
    seeds = tuple(int(seed) for seed in frame["seed"].unique())
    return Challenged(about["shifts"], about.get("unavailable", {}), asked, answers, seeds)


def _of_score(score: Score, told: Challenged, counts: np.ndarray, confidence: float) -> list[dict[str, Any]]:
    import numpy as np

    measured = {name: _measured(score, told, runs, counts) for name, runs in told.answers.items()}
    unchanged = measured.pop(UNCHANGED)
    common = {"rows": len(told.gold), "seeds": len(told.seeds)}
    lines = []
    for name, changed in measured.items():
        about = {"rows_changed": int(told.answers[name][0]["changed"].sum()), "strength": told.strengths[name]}
        drop = _drop(score, unchanged, changed, confidence)
        lines.append({"challenge": name, **common, **about, **_line(unchanged, changed, drop, drop.note)})
    for name, reason in told.unavailable.items():
        lines.append({"challenge": name, "note": f"not challenged: {reason}"})
    if not measured:
        return lines
    together = Measured(
        np.mean([one.observed for one in measured.values()], axis=0),
        np.mean([one.resampled for one in measured.values()], axis=0),
        unchanged.rows,
        unchanged.seeds,
        tuple(dict.fromkeys(reason for one in measured.values() for reason in one.reasons)),
    )
    drop = _drop(score, unchanged, together, confidence)
    lines.append({"challenge": MEAN, **common, **_line(unchanged, together, drop, drop.note)})
    sizes = {name: _drop(score, unchanged, one, confidence).value for name, one in measured.items()}
    defined = {name: size for name, size in sizes.items() if not math.isnan(size)}
    if defined:
        worst = max(defined, key=lambda name: defined[name])  # the first of equal ones
        level = 1 - (1 - confidence) / len(measured)
        drop = _drop(score, unchanged, measured[worst], level)
        note = "; ".join(part for part in (worst, drop.note) if part)
        lines.append({"challenge": WORST, **common, **_line(unchanged, measured[worst], drop, note)})
    return lines


def _measured(score: Score, told: Challenged, runs: list[pd.DataFrame], counts: np.ndarray) -> Measured:
    reasons = [score.undefined(told.gold, run) if score.undefined else "" for run in runs]
    own = [score.statistics(told.gold, run) for run in runs]
    return statistics.measure(score, own, counts, seeds=told.seeds, reasons=reasons)


def _drop(score: Score, unchanged: Measured, changed: Measured, confidence: float) -> Difference:
    """How much worse the score gets: positive is worse, whichever way is up."""
    better, worse = (unchanged, changed) if score.greater_is_better else (changed, unchanged)
    return statistics.difference(better, worse, confidence=confidence)


def _line(unchanged: Measured, changed: Measured, drop: Difference, note: str) -> dict[str, Any]:
    return {
        "unchanged": rounded(float(unchanged.observed.mean())),
        "changed": rounded(float(changed.observed.mean())),
        "drop": rounded(drop.value),
        "low": rounded(drop.low),
        "high": rounded(drop.high),
        "note": note,
    }
