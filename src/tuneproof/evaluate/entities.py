"""What a method gets right and wrong about entities: by type, with partial matches, and the kinds of its errors.

Counted sentence by sentence, so that every number has an interval over sentences and seeds.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from tuneproof import statistics
from tuneproof.evaluate.tables import NUMBER, TEXT, rounded
from tuneproof.tasks.ner import entities

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "method", "kind", "split", "type", "measure"), TEXT),
    **dict.fromkeys(("value", "low", "high"), NUMBER),
    "note": TEXT,
}
Entity = tuple[str, int, int]
"""Type, first word, last word."""
KINDS = ("correct", "boundary", "type", "type_and_boundary", "missing", "spurious")
"""What becomes of an entity: right; right type at a place that overlaps; other type at the same place; other type at a
place that overlaps; a true one that nothing overlaps; a predicted one that overlaps nothing."""


MEASURES = ("precision", "recall", "f1", "partial_f1", *KINDS[1:])
"""`partial_f1`: an entity with a boundary error counts half. Kinds of errors are shares of the true entities, but
`spurious` of the predicted ones."""


def rows(
    gold: pd.DataFrame,
    runs: list[pd.DataFrame],
    counts: np.ndarray,
    seeds: tuple[int, ...] | None,
    confidence: float,
) -> list[dict[str, Any]]:
    """Rows of one method and split: measures of each type, and of all types together (`type` is `all`)."""
    import numpy as np

    truth = [entities(tags) for tags in gold["tags"]]
    guesses = [[entities(tags) for tags in predicted["prediction"]] for predicted in runs]
    types = sorted({kind for found in (truth, *guesses) for sentence in found for kind, _, _ in sentence})
    if not len(gold) or not types:
        return [{"type": "all", "measure": measure, "note": "not defined: no entity"} for measure in MEASURES]
    observed, resampled = [], []
    for guessed in guesses:
        counted = np.zeros((len(truth), len(types), len(KINDS) + 2))
        for line, true, guess in zip(counted, truth, guessed, strict=True):
            _count(line, true, guess, types)
        counted = np.concatenate([counted, counted.sum(axis=1, keepdims=True)], axis=1)  # all types together
        flat = counted.reshape(len(truth), -1)
        observed.append(_measures(flat.sum(axis=0).reshape(counted.shape[1:])))
        resampled.append(_measures(statistics.resampled_sums(flat, counts).reshape(len(counts), *counted.shape[1:])))
    one, many = np.stack(observed, axis=-1), np.stack(resampled, axis=-1)
    found = []
    for place, kind in enumerate((*types, "all")):
        for column, measure in enumerate(MEASURES):
            made = statistics.Measured(
                one[place, column],
                many[:, place, column],
                len(gold),
                seeds,
                tuple(_reason(measure) if np.isnan(value) else "" for value in one[place, column]),
            )
            interval = statistics.interval(made, confidence=confidence)
            values = {name: rounded(getattr(interval, name)) for name in ("value", "low", "high")}
            found.append({"type": kind, "measure": measure, **values, "note": interval.note})
    return found


def _reason(measure: str) -> str:
    """Why a measure of a type is not defined: its denominator is empty."""
    if measure in ("precision", "spurious"):
        return "no entity predicted"
    return "no entity, true or predicted" if measure.endswith("f1") else "no true entity"


def _count(line: np.ndarray, true: AbstractSet[Entity], guessed: AbstractSet[Entity], types: list[str]) -> None:
    """Add one sentence to types × (kinds, true, predicted)."""
    for column, entries in enumerate(kinds(true, guessed).values()):
        for entity in entries:
            line[types.index(entity[0]), column] += 1
    for column, found in ((-2, true), (-1, guessed)):
        for entity in found:
            line[types.index(entity[0]), column] += 1


def _measures(sums: np.ndarray) -> np.ndarray:
    """Sums (…, types, kinds and 2) to (…, types, measures)."""
    import numpy as np

    correct, boundary, wrong_type, both, missing, spurious, true, predicted = np.moveaxis(sums, -1, 0)
    pairs = [
        (correct, predicted),
        (correct, true),
        (2 * correct, true + predicted),
        (2 * correct + boundary, true + predicted),
        (boundary, true),
        (wrong_type, true),
        (both, true),
        (missing, true),
        (spurious, predicted),
    ]
    return np.stack(
        [np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan) for part, whole in pairs], axis=-1
    )


def kinds(true: AbstractSet[Entity], guessed: AbstractSet[Entity]) -> dict[str, list[Entity]]:
    """Kind → entities: the true ones, but for `spurious` the predicted ones. Every entity is of one kind.

    Right ones are set aside first; each other true entity, in order of its place, meets the predicted entity that is
    left and overlaps it most (the first of equals).
    """
    found: dict[str, list[Entity]] = {kind: [] for kind in KINDS}
    found["correct"] = sorted(true & guessed, key=lambda entity: entity[1])
    left = sorted(guessed - true, key=lambda entity: entity[1:])
    for entity in sorted(true - guessed, key=lambda entity: entity[1:]):
        overlaps = [min(entity[2], other[2]) - max(entity[1], other[1]) + 1 for other in left]
        best = max(overlaps, default=0)
        if best <= 0:
            found["missing"].append(entity)
            continue
        other = left.pop(overlaps.index(best))
        same_type, same_place = other[0] == entity[0], other[1:] == entity[1:]
        found["boundary" if same_type else "type" if same_place else "type_and_boundary"].append(entity)
    found["spurious"] = left
    return found
