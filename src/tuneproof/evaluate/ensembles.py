"""What each ensemble gains over its best member, how unlike its members are, and what it costs at inference.

The best member is the one with the best primary score on the validation rows, among all that the ensemble could use;
diversity is that of the members it does use, on the test rows.
"""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import statistics
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded
from tuneproof.files import read_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.evaluate.candidates import Judged
    from tuneproof.tasks.base import Score

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "method", "combine", "score"), TEXT),
    **dict.fromkeys(("runs", "members", "forward_passes"), COUNT),
    **dict.fromkeys(("disagreement", "q_statistic", "double_fault", "error_correlation"), NUMBER),
    "best_member": TEXT,
    **dict.fromkeys(("best_value", "value", "gain", "low", "high", "p"), NUMBER),
    "note": TEXT,
}

Answers = dict[str, "pd.DataFrame"]
"""Split → predictions."""


def told(predictions: dict[str, Path]) -> dict[str, dict[str, Any] | None]:
    """Ensemble → what the stage wrote about its members, beside its predictions; None where it did not."""
    found = {name.removeprefix("ensemble:"): path for name, path in predictions.items() if name.startswith("ensemble:")}
    about = {name: path.with_name("members.json") for name, path in found.items()}
    return {name: read_json(path) if path.is_file() else None for name, path in about.items()}


def rows(judged: Judged, about: dict[str, dict[str, Any] | None]) -> list[dict[str, Any]]:
    """A row an ensemble; what cannot be said has a note."""
    score = judged.task.scores(judged.labels.classes)[judged.task.primary]
    runs = {
        f"{candidate.name}/seed-{seed}": answers
        for candidate in judged.candidates
        for seed, answers in candidate.runs.items()
        if candidate.kind == "method"
    }
    combined = {
        candidate.name: answers
        for candidate in judged.candidates
        for answers in candidate.runs.values()
        if candidate.kind == "ensemble"
    }
    found = []
    for name, content in about.items():
        row: dict[str, Any] = {**judged.where, "method": name, "score": judged.task.primary}
        if content is None:
            found.append({**row, "note": "not said: members.json is not there"})
            continue
        row["combine"] = content.get("combine")
        if "left_out" in content:
            found.append({**row, "note": f"left out: {content['left_out']}"})
        elif name not in combined:
            found.append({**row, "note": "not evaluated"})
        else:
            found.append({**row, **_row(judged, score, content, runs, combined[name])})
    return found


def _row(
    judged: Judged, score: Score, content: dict[str, Any], runs: dict[str, Answers], own: Answers
) -> dict[str, Any]:
    used = [str(entry["run"]) for entry in content["members"]]
    could = sorted({*used, *map(str, content.get("unused", []))})
    missing = [name for name in could if name not in runs]
    notes = [f"{len(missing)} of {len(could)} members not evaluated"] if missing else []
    row: dict[str, Any] = {"runs": len(could), "members": len(used), "forward_passes": content.get("forward_passes")}
    unlike = diversity(judged, [runs[name]["test"] for name in used if name in runs])
    row |= {
        "disagreement": rounded(unlike.disagreement),
        "q_statistic": rounded(unlike.q),
        "double_fault": rounded(unlike.double_fault),
        "error_correlation": rounded(unlike.error_correlation),
    }
    row |= _gain(judged, score, {name: runs[name] for name in could if name in runs}, own)
    return {**row, "note": "; ".join(note for note in (*notes, unlike.note, row["note"]) if note)}


def _gain(judged: Judged, score: Score, members: dict[str, Answers], own: Answers) -> dict[str, Any]:
    """Value of the ensemble and of its best member on the test rows; the difference with its paired interval."""
    validation = {name: score.of(judged.gold["validation"], answers["validation"]) for name, answers in members.items()}
    known = {name: value for name, value in validation.items() if not math.isnan(value)}
    if not known:
        return {"note": "gain not defined: no member has a score on the validation rows"}
    best = min(known, key=lambda name: (-known[name], name))
    gold = judged.gold["test"]
    mine, other = (
        statistics.measure(
            score,
            [score.statistics(gold, answers["test"])],
            judged.counts,
            reasons=[score.undefined(gold, answers["test"]) if score.undefined else ""],
        )
        for answers in (own, members[best])
    )
    found = statistics.difference(mine, other, confidence=judged.evaluation["confidence"])
    return {
        "best_member": best,
        "best_value": rounded(float(other.observed[0])),
        "value": rounded(float(mine.observed[0])),
        "gain": rounded(found.value),
        "low": rounded(found.low),
        "high": rounded(found.high),
        "p": rounded(found.p),
        "note": found.note,
    }


class Diversity(NamedTuple):
    """Means over pairs of members; NaN where not defined for the task, or where `note` says why."""

    disagreement: float = math.nan
    """Share of rows (ner: words) on which one of two is right."""
    q: float = math.nan
    """Yule's Q of being right, −1 to 1; 0 for independent members."""
    double_fault: float = math.nan
    """Share of rows on which both are wrong."""
    error_correlation: float = math.nan
    """Regression: correlation of errors."""
    note: str = ""


def diversity(judged: Judged, members: list[pd.DataFrame]) -> Diversity:
    """How unlike the members are (Kuncheva and Whitaker 2003, Machine Learning 51:181), on the test rows."""
    if len(members) < 2:
        return Diversity(note="diversity not defined: one member" if members else "diversity not defined: no members")
    gold = judged.gold["test"]
    if not len(gold):
        return Diversity(note="diversity not defined: no rows")
    if judged.task.name == "regression":
        return _of_numbers(gold, members)
    return of_right([_right(judged.task.name, gold, answers) for answers in members])


def _right(task: str, gold: pd.DataFrame, answers: pd.DataFrame) -> list[bool]:
    given, true = answers["prediction"], gold["tags" if task == "ner" else "label"]
    if task != "ner":
        return [a == b for a, b in zip(given, true, strict=True)]
    return [a == b for one, other in zip(given, true, strict=True) for a, b in zip(one, other, strict=True)]


def of_right(right: list[list[bool]]) -> Diversity:
    """From members × units: whether each is right. Q is left out of pairs where it is 0 ÷ 0."""
    import numpy as np

    hit = np.array(right, dtype=np.float64)
    miss, units = 1 - hit, hit.shape[1]
    both, neither, first = hit @ hit.T, miss @ miss.T, hit @ miss.T
    pairs = list(combinations(range(len(hit)), 2))
    a, d, b, c = (np.array([table[i, j] for i, j in pairs]) for table in (both, neither, first, first.T))
    total = a * d + b * c
    defined = total > 0
    q = float(((a * d - b * c)[defined] / total[defined]).mean()) if defined.any() else math.nan
    undefined = len(pairs) - int(defined.sum())
    note = f"Q not defined for {undefined} of {len(pairs)} pairs" if undefined else ""
    return Diversity(float((b + c).mean() / units), q, float(d.mean() / units), note=note)


def _of_numbers(gold: pd.DataFrame, members: list[pd.DataFrame]) -> Diversity:
    import numpy as np

    errors = np.stack([one["prediction"].to_numpy(float) for one in members]) - gold["label"].to_numpy(float)
    if np.isnan(errors).any() or errors.shape[1] < 2 or (errors.std(axis=1) == 0).any():
        return Diversity(note="error correlation not defined: NaN among the answers, one row, or constant errors")
    upper: np.ndarray = np.corrcoef(errors)[np.triu_indices(len(errors), 1)]
    return Diversity(error_correlation=float(upper.mean()))
