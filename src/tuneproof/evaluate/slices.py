"""Slices of the test rows that a user declares: the primary score in a slice, and its gap to all other rows.

The gap is the score in the slice minus that of the rest, from the same resamples of all test rows, so that its interval
covers the rows of both and, where there are several, the seeds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuneproof import statistics
from tuneproof.evaluate import summary
from tuneproof.evaluate.candidates import Candidate, Judged
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded
from tuneproof.statistics import Measured

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = {
    "slices": {
        **dict.fromkeys(("dataset", "model", "method", "kind", "split", "slice", "score"), TEXT),
        "rows": COUNT,
        **dict.fromkeys(("value", "low", "high"), NUMBER),
        "note": TEXT,
        **dict.fromkeys(("rest", "gap", "gap_low", "gap_high"), NUMBER),
        "gap_note": TEXT,
    }
}
FEW = 10
"""Fewer rows than this are called few."""


def tables(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """A row a slice and candidate."""
    found = []
    for name, declared in sorted(judged.evaluation.get("slices", {}).items()):
        inside = rows_of(declared, judged.gold["test"])
        for candidate in judged.candidates:
            about = {**judged.about(candidate), "slice": name, "score": judged.task.primary}
            found.append({**about, **_row(judged, candidate, inside)})
    return {"slices": found}


def rows_of(declared: Mapping[str, Any], gold: pd.DataFrame) -> np.ndarray | str:
    """Which rows are in a slice (boolean); a text says why this cannot be told."""
    import numpy as np

    column = declared["column"]
    if column is not None and column not in gold:
        return f"column {column!r} not found; columns of the prepared rows: {', '.join(map(str, gold.columns))}"
    values = _texts(gold) if column is None else [_text(value) for value in gold[column]]
    if declared["pattern"] is not None:
        pattern = re.compile(declared["pattern"])
        return np.array([pattern.search(value) is not None for value in values], dtype=bool)
    if declared["words"] is not None:
        low, high = declared["words"]
        counts = np.array([len(value.split()) for value in values], dtype=np.int64)
        return (counts >= (low or 0)) & (counts <= (counts.max(initial=0) if high is None else high))
    return np.array([_equal(value, declared["equals"]) for value in values], dtype=bool)


def _texts(gold: pd.DataFrame) -> list[str]:
    """The text of each row, with the second one of a pair behind it; tokens with blanks between."""
    if "tokens" in gold:
        return [" ".join(tokens) for tokens in gold["tokens"]]
    columns = [column for column in ("text", "text_pair") if column in gold]
    return [" ".join(map(str, parts)) for parts in gold[columns].itertuples(index=False)]


def _text(value: Any) -> str:
    """A cell as text; a list (tokens, tags) with blanks between."""
    return value if isinstance(value, str) else " ".join(map(str, value)) if hasattr(value, "__iter__") else str(value)


def _equal(value: str, wanted: str | float) -> bool:
    """As text, or as numbers where a number is asked for."""
    if isinstance(wanted, str):
        return value == wanted
    try:
        return float(value) == float(wanted)
    except ValueError:
        return False


def _row(judged: Judged, candidate: Candidate, inside: np.ndarray | str) -> dict[str, Any]:
    if isinstance(inside, str):
        return {"note": f"not defined: {inside}", "gap_note": f"not defined: {inside}"}
    rows = int(inside.sum())
    if candidate.name not in judged.primary:
        return {"rows": rows, "note": "no run to judge", "gap_note": "no run to judge"}
    confidence = judged.evaluation["confidence"]
    there = _measured(judged, candidate, inside)
    if isinstance(there, str):
        return {"rows": rows, "note": f"not defined: {there}", "gap_note": f"not defined: {there}"}
    found = summary.ends(statistics.interval(there, confidence=confidence))
    if rows < FEW:
        found["note"] = "; ".join(note for note in (f"few rows: {rows}", found["note"]) if note)
    rest = _measured(judged, candidate, ~inside)
    if isinstance(rest, str):
        return {"rows": rows, **found, "gap_note": f"not defined: {rest} outside of the slice"}
    fewer = min(there.rows, rest.rows)
    gap = statistics.difference(there._replace(rows=fewer), rest._replace(rows=fewer), confidence=confidence)
    return {
        "rows": rows,
        **found,
        "rest": rounded(float(rest.observed.mean())),
        "gap": rounded(gap.value),
        "gap_low": rounded(gap.low),
        "gap_high": rounded(gap.high),
        "gap_note": "no gap in any resample" if gap.note == "no difference on any row" else gap.note,
    }


def _measured(judged: Judged, candidate: Candidate, inside: np.ndarray) -> Measured | str:
    """The score on some rows, from the same resamples of all rows: the others' statistics are zero."""
    rows = int(inside.sum())
    if not rows:
        return "no test row"
    gold = judged.gold["test"][inside]
    if judged.task.name == "ner" and not any(tag != "O" for tags in gold["tags"] for tag in tags):
        return "no true entity"
    reasons = [
        judged.score.undefined(gold, predicted[inside]) if judged.score.undefined else ""
        for predicted in candidate.answers("test")
    ]
    made = [statistics_ * inside[:, None] for statistics_ in judged.primary[candidate.name].statistics]
    measured = statistics.measure(judged.score, made, judged.counts, seeds=candidate.seeds, reasons=reasons)
    return measured._replace(rows=rows)
