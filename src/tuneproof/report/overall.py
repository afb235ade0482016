"""The answer over all data sets of one model: which method is a safe choice, and how sure that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.recommend.rule import Candidate, choose
from tuneproof.report.results import Results, rows
from tuneproof.report.texts import Text
from tuneproof.report.words import amount, duration, number, p_value, size

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel


class Overall(NamedTuple):
    """What to use, what it costs, and how much of it may be chance."""

    model: str
    sentence: Text
    certainty: Text
    method: str


def overall(panels: list[Panel], results: Results, *, confidence: float) -> list[Overall]:
    """An answer for each model with results on at least two data sets."""
    found = []
    for model in dict.fromkeys(panel.model for panel in panels):
        mine = [panel for panel in panels if panel.model == model and candidates(panel)]
        if len(mine) > 1:
            method, near = safe_choice(mine)
            found.append(
                Overall(model, _sentence(method, near, mine), _certainty(model, results, len(mine), confidence), method)
            )
    return found


def use(panel: Panel) -> Text | None:
    """What to use on one data set: of the methods near the best, the one that trains fastest."""
    ranked = candidates(panel)
    if not ranked:
        return None
    choice = choose(ranked, rows(panel.comparisons))
    named = next(c for c in ranked if c.method == (choice.cheapest or choice.best))
    at = number(named.value) + (f" [{number(named.low)}–{number(named.high)}]" if named.low is not None else "")
    return Text("use", method=named.method, score=panel.score, at=at, time=duration(named.train_seconds))


def candidates(panel: Panel) -> list[Candidate]:
    """The methods of a panel that have a result, best first; ensembles, which no single fit makes, are none."""
    costs = ("low", "high", "train_seconds", "peak_memory_mb", "trainable_parameters", "checkpoint_mb")
    return [
        Candidate(
            method=row["method"],
            value=row["value"],
            latency_ms=panel.latency.get(row["method"]),
            **{name: None if row[name] is None else float(row[name]) for name in costs},
        )
        for row in rows(panel.ranked)
        if row["kind"] == "method"
    ]


def safe_choice(panels: list[Panel]) -> tuple[str, list[str]]:
    """The method that can stand in for the best on most data sets (of equals: the one that trains fastest), and where.

    "Can stand in" is `near` of the rule in `recommend/rule.py`.
    """
    near: dict[str, list[str]] = {}
    for panel in panels:
        for name in choose(candidates(panel), rows(panel.comparisons)).near:
            near.setdefault(name, []).append(panel.dataset)
    best = min(
        near, key=lambda name: (-len(near[name]), len(_ran(name, panels)), _seconds(name, panels) or math.inf, name)
    )
    return best, near[best]


def _sentence(method: str, near: list[str], panels: list[Panel]) -> Text:
    mine = _ran(method, panels)
    learns = max((candidate.trainable_parameters or 0 for candidate in mine.values()), default=0)
    memory = max((candidate.peak_memory_mb or 0 for candidate in mine.values()), default=0)
    cost = Text(
        "overall_cost", time=duration(_seconds(method, panels)), parameters=amount(learns), memory=size(memory or None)
    )
    values: dict[str, Any] = {"method": method, "count": len(panels), "cost": cost, "near": near}
    if len(near) == len(panels):
        return Text("overall_all", **values)
    if len(near) == len(mine):
        missing = [panel.dataset for panel in panels if panel.dataset not in mine]
        return Text("overall_ran", missing=missing, **values)
    return Text("overall_some", **values)


def _certainty(model: str, results: Results, count: int, confidence: float) -> Text:
    """Whether the ranking could be chance: Friedman's test with the correction of Iman and Davenport."""
    table = results.csv("evaluate", "friedman.csv")
    tested = (
        [row for row in rows(table) if row["model"] == model and row["p_f"] is not None] if table is not None else []
    )
    if not tested:
        return Text("overall_untested", count=count)
    p = tested[0]["p_f"]
    values = {"datasets": tested[0]["datasets"], "methods": tested[0]["methods"], "p": p_value(p)}
    return Text("overall_differ" if p < 1 - confidence else "overall_chance", **values)


def _ran(method: str, panels: list[Panel]) -> dict[str, Candidate]:
    """Data set → the method's result there."""
    return {p.dataset: found for p in panels for found in candidates(p) if found.method == method}


def _seconds(method: str, panels: list[Panel]) -> float | None:
    """Mean training time over the data sets that it ran on."""
    known = [c.train_seconds for c in _ran(method, panels).values() if c.train_seconds is not None]
    return sum(known) / len(known) if known else None
