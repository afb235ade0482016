"""All pairs of methods and ensembles, by the task's primary score on the test split."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import statistics
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, TRUTH, rounded
from tuneproof.statistics import Difference, Measured, Test, order, power, swaps

if TYPE_CHECKING:
    import numpy as np

    from tuneproof.tasks.base import Score

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "a", "b", "score"), TEXT),
    **dict.fromkeys(("difference", "low", "high", "p", "p_holm"), NUMBER),
    "distinguishable": TRUTH,
    **dict.fromkeys(("detectable", "p_randomisation", "p_mcnemar", "epsilon_min"), NUMBER),
    **dict.fromkeys(("rows", "seeds"), COUNT),
    **dict.fromkeys(("variance_rows", "variance_seeds", "variance_both"), NUMBER),
    **dict.fromkeys(("seeds_needed", "rows_needed"), COUNT),
    **dict.fromkeys(("needed_note", "note"), TEXT),
}
GROUPS = {"method": TEXT, "letters": TEXT}


class Primary(NamedTuple):
    """The primary score of one candidate on the test split."""

    measured: Measured
    statistics: list[np.ndarray]
    """Rows × statistics of each run."""
    swapped: list[np.ndarray]
    """Their sums over the rows that each round of approximate randomisation swaps; empty for a score of ranks."""
    right: list[np.ndarray]
    """Whether each row is right, of each run; empty where the score is not accuracy."""


def primary(name: str, score: Score, measured: Measured, made: list[np.ndarray], evaluation: dict[str, Any]) -> Primary:
    """`made`: rows × statistics of each run. What the pairs share is worked out here, once a method."""
    swapped: list[np.ndarray] = []
    if score.weighted is None:
        swapped = swaps.swapped_sums(made, evaluation["bootstrap"], seed=evaluation["seed"])
    return Primary(measured, made, swapped, [run[:, 0] == 1 for run in made] if name == "accuracy" else [])


def pairs(
    ranked: list[str], primary: dict[str, Primary], score: Score, evaluation: dict[str, Any]
) -> list[dict[str, Any]]:
    """All pairs, the better one as `a`; Holm's correction runs over all of them."""
    confidence = evaluation["confidence"]
    both = list(combinations(ranked, 2))
    found = [statistics.difference(primary[a].measured, primary[b].measured, confidence=confidence) for a, b in both]
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
        for (a, b), difference, p_holm in zip(both, found, adjusted, strict=True)
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
    row: dict[str, Any] = {
        "p_randomisation": rounded(randomised.p),
        "p_mcnemar": rounded(_mcnemar(a, b).p),
        "rows": a.measured.rows,
    }
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
    mine_swapped, others_swapped = (
        [side.swapped[place] for place in chosen] for side, chosen in zip((a, b), places, strict=True)
    )
    return swaps.approximate_randomisation(
        score,
        mine,
        others,
        rounds=evaluation["bootstrap"],
        seed=evaluation["seed"],
        swapped=(mine_swapped, others_swapped),
    )


def _mcnemar(a: Primary, b: Primary) -> Test:
    """McNemar's test in the runs of the seeds in common; not defined for scores other than accuracy."""
    import numpy as np

    places = statistics.places(a.measured, b.measured)
    if not places[0] or not a.right:
        return Test(math.nan)
    mine, others = (
        np.stack([side.right[place] for place in chosen], axis=1) for side, chosen in zip((a, b), places, strict=True)
    )
    return swaps.mcnemar(mine, others)


def rank(measured: Measured) -> float:
    """Sorts the best first; an undefined score is last. Primary scores rise with quality (see Task.primary)."""
    value = float(measured.observed.mean())
    return math.inf if math.isnan(value) else -value
