"""The one rule by which a method is named best, tied or recommended: pure functions over rows of the stored tables.

The page, `tuneproof show` and `tuneproof recommend` all ask here. Nothing is read and no library is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

Rows = Sequence[Mapping[str, Any]]
"""Rows of comparisons.csv: `a` is before `b`; `distinguishable`, `detectable`, `seeds_needed`, `rows_needed`, …"""


class Candidate(NamedTuple):
    """A method with a result on one data set and model; what was not measured is None."""

    method: str
    value: float
    """Primary score on the test split, mean over seeds; higher is better."""
    low: float | None = None
    high: float | None = None
    """Ends of its interval."""
    train_seconds: float | None = None
    peak_memory_mb: float | None = None
    """10⁶ bytes."""
    latency_ms: float | None = None
    """Milliseconds a text."""
    trainable_parameters: float | None = None
    checkpoint_mb: float | None = None


class Choice(NamedTuple):
    """Who is ahead, and what can stand in for it."""

    best: str
    rivals: list[str]
    """Those that cannot be told apart from the best, best first."""
    near: list[str]
    """The best and those of the rivals that could be recommended in its place, best first."""
    detectable: float | None
    """Typical difference between the best and another that would mostly go unseen; None where none is known."""
    cheapest: str | None
    """Of `near`, the one that trains in the shortest time; None where the time of one of them is not known."""


def choose(candidates: Sequence[Candidate], comparisons: Rows) -> Choice:
    """Rank by score, take who cannot be told apart from the best, of these the near ones, of these the cheapest.

    A noisy method far behind may not be told apart, and is no advice: near is who lies within the difference that would
    mostly go unseen (the median of the best's comparisons). Raises `ValueError` without candidates.
    """
    ranked = sorted(candidates, key=lambda candidate: -candidate.value)  # stable: ties stay in the table's order
    names = {candidate.method for candidate in ranked}
    best = ranked[0]
    against = [row for row in comparisons if best.method in (row["a"], row["b"]) and {row["a"], row["b"]} <= names]
    apart = {row[side] for row in against if row["distinguishable"] for side in ("a", "b")} - {best.method}
    tied = [candidate for candidate in ranked if candidate.method not in apart]
    known = [float(row["detectable"]) for row in against if _is_known(row["detectable"])]
    detectable = median(known) if known else None
    near = tied if detectable is None else [c for c in tied if c.value >= best.value - detectable]
    timed = [candidate for candidate in near if candidate.train_seconds is not None]
    cheapest = min(timed, key=lambda c: c.train_seconds or 0.0).method if len(timed) == len(near) else None
    return Choice(best.method, [c.method for c in tied[1:]], [c.method for c in near], detectable, cheapest)


class Limits(NamedTuple):
    """What a method may cost and must reach; None: no matter."""

    max_memory_mb: float | None = None
    max_train_seconds: float | None = None
    max_latency_ms: float | None = None
    min_score: float | None = None

    def costs(self) -> dict[str, float]:
        """Field of a candidate → the most that it may be."""
        found = {
            "peak_memory_mb": self.max_memory_mb,
            "train_seconds": self.max_train_seconds,
            "latency_ms": self.max_latency_ms,
        }
        return {name: value for name, value in found.items() if value is not None}


class Needed(NamedTuple):
    """What it would take to tell two methods apart; None with a note where no number would do."""

    a: str
    b: str
    seeds: int | None
    rows: int | None
    note: str


class Recommendation(NamedTuple):
    """The answer for one data set and model."""

    answer: str
    """`use`, `cannot tell` or `nothing fits`."""
    method: str | None
    why: list[str]
    """Sentences without numbers' formats of their own: the command's and the page's text is made of the fields."""
    choice: Choice | None
    cheaper: list[str]
    """Methods within the limits that train faster than the recommended one and cannot be told apart from it."""
    front: list[str]
    """Pareto front of the methods within the limits: score, and the costs in `front_costs`; best first."""
    front_costs: list[str]
    """The costs that have a limit; training time where none has."""
    outside: dict[str, list[str]]
    """Method → the limits that it breaks."""
    settle: list[Needed]
    """What would tell the best from those near it; the recommended one first."""


def recommend(candidates: Sequence[Candidate], comparisons: Rows, limits: Limits) -> Recommendation:
    """Name a method within the limits by the rule of `choose`, or say what cannot be told, and what would settle it.

    A method whose cost is not known breaks a limit on it. A score below the limit whose interval reaches over it is no
    proof that the limit is missed: where nothing else fits, the answer is `cannot tell`.
    """
    outside: dict[str, list[str]] = {}
    for candidate in candidates:
        broken = [name for name, most in limits.costs().items() if not _within(getattr(candidate, name), most)]
        if limits.min_score is not None and candidate.value < limits.min_score:
            broken.append("score")
        if broken:
            outside[candidate.method] = broken
    inside = [candidate for candidate in candidates if candidate.method not in outside]
    if not inside:
        return _nothing(candidates, outside, limits)
    choice = choose(inside, comparisons)
    by_name = {candidate.method: candidate for candidate in inside}
    why, answer = [], "use"
    named = choice.cheapest or choice.best
    if len(inside) > 1 and not _compared(inside, comparisons):
        answer = "cannot tell"
        why.append("the methods within the limits were not compared with each other")
    elif choice.cheapest is None:
        answer = "cannot tell"
        why.append("the training time of one of those that are near the best is not known")
    low = by_name[named].low
    if limits.min_score is not None and low is not None and low < limits.min_score:
        why.append("its interval reaches below the score asked for: it may miss it")
    costs = [*limits.costs()] or ["train_seconds"]
    others = [named, *choice.near]
    return Recommendation(
        answer,
        named,
        why,
        choice,
        cheaper(named, inside, comparisons),
        pareto(inside, costs),
        costs,
        outside,
        needed(choice.best, [name for name in dict.fromkeys(others) if name != choice.best], comparisons),
    )


def cheaper(method: str, candidates: Iterable[Candidate], comparisons: Rows) -> list[str]:
    """Those that train faster than a method and cannot be told apart from it, the fastest first."""
    known = {candidate.method: candidate.train_seconds for candidate in candidates}
    mine = known[method]
    tied = {
        row["b"] if row["a"] == method else row["a"]
        for row in comparisons
        if method in (row["a"], row["b"]) and not row["distinguishable"]
    }
    found = [(seconds, name) for name, seconds in known.items() if name in tied and seconds is not None]
    return [name for seconds, name in sorted(found) if mine is not None and seconds < mine]


def pareto(candidates: Sequence[Candidate], costs: Sequence[str]) -> list[str]:
    """Methods that no other beats: none is at least as good in the score and in every cost, and better in one.

    A method of which one of these costs is not known is left out.
    """
    measured = [c for c in candidates if all(getattr(c, name) is not None for name in costs)]
    points = {c.method: (-c.value, *(getattr(c, name) for name in costs)) for c in measured}

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(all(a <= b for a, b in zip(p, mine, strict=True)) and p != mine for p in points.values())

    ranked = sorted(measured, key=lambda candidate: -candidate.value)
    return [candidate.method for candidate in ranked if not beaten(points[candidate.method])]


def needed(best: str, others: Iterable[str], comparisons: Rows) -> list[Needed]:
    """Seeds, or test rows, that would show the differences found between the best and others, as `evaluate` says."""
    found = {frozenset((row["a"], row["b"])): row for row in comparisons}
    rows = [(other, found.get(frozenset((best, other)))) for other in others]
    return [
        Needed(best, other, _count(row.get("seeds_needed")), _count(row.get("rows_needed")), _note(row))
        for other, row in rows
        if row is not None
    ]


def _nothing(candidates: Sequence[Candidate], outside: dict[str, list[str]], limits: Limits) -> Recommendation:
    """Nothing is within the limits for sure; perhaps one whose interval reaches over the score asked for."""
    perhaps = [
        candidate
        for candidate in candidates
        if outside[candidate.method] == ["score"]
        and candidate.high is not None
        and limits.min_score is not None
        and candidate.high >= limits.min_score
    ]
    if not perhaps:
        return Recommendation("nothing fits", None, [], None, [], [], [], outside, [])
    top = max(perhaps, key=lambda candidate: candidate.value)
    why = [
        f"{top.method} comes nearest to the score asked for; its interval reaches over it, so that it may reach it",
        "more test rows or seeds make the interval narrower",
    ]
    return Recommendation("cannot tell", top.method, why, None, [], [], [], outside, [])


def _compared(candidates: Sequence[Candidate], comparisons: Rows) -> bool:
    names = {candidate.method for candidate in candidates}
    return any({row["a"], row["b"]} <= names for row in comparisons)


def _within(value: float | None, most: float) -> bool:
    return value is not None and value <= most


def _is_known(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def _count(value: Any) -> int | None:
    return int(value) if _is_known(value) else None


def _note(row: Mapping[str, Any]) -> str:
    note = row.get("needed_note")
    return note if isinstance(note, str) else ""
