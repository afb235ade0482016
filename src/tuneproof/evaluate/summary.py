"""Rows of a table about one method: one a seed, and one over all seeds."""

from __future__ import annotations

from typing import Any

from tuneproof import statistics
from tuneproof.evaluate.candidates import Candidate
from tuneproof.evaluate.tables import rounded
from tuneproof.statistics import Interval, Measured


def by_seed(measured: Measured, candidate: Candidate, confidence: float) -> list[dict[str, Any]]:
    """A row a seed (interval over examples), then the row over all seeds (interval over both)."""
    rows: dict[int | None, dict[str, Any]] = {}
    for place, seed in enumerate(measured.seeds or ()):
        reasons = measured.reasons[place : place + 1]
        alone = Measured(measured.observed[[place]], measured.resampled[:, [place]], measured.rows, None, reasons)
        row = ends(statistics.interval(alone, confidence=confidence))
        rows[seed] = {"seed": seed, **row, "note": row["note"] if row["low"] is None else ""}
    faults = {seed: f"not evaluated: {fault}" for seed, fault in candidate.faults.items()}
    rows |= {seed: {"seed": seed, "note": note} for seed, note in faults.items() if seed is not None}
    lines = [rows[seed] for seed in sorted(rows, key=lambda seed: seed or 0)]
    if not candidate.runs:
        return [*lines, {"seed": None, "value": None, "note": next(iter(faults.values()))}]
    row = ends(statistics.interval(measured, confidence=confidence))
    if faults:
        missing = f"{len(faults)} of {len(faults) + len(candidate.runs)} seeds not evaluated"
        row["note"] = "; ".join(note for note in (missing, row["note"]) if note)
    return [*lines, {"seed": None, **row}]


def ends(interval: Interval) -> dict[str, Any]:
    return {
        "value": rounded(interval.value),
        "low": rounded(interval.low),
        "high": rounded(interval.high),
        "note": interval.note,
    }
