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
            ran, near = safe_choice(mine)
            certainty = _certainty(model, results, len(mine), confidence)
            method = next(iter(ran.values())).method
            found.append(Overall(model, _sentence(ran, near, mine), certainty, method))
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
            latency_ms=panel.latency.of.get(row["method"]),
            **{name: None if row[name] is None else float(row[name]) for name in costs},
        )
        for row in rows(panel.ranked)
        if row["kind"] == "method"
    ]


def safe_choice(panels: list[Panel]) -> tuple[dict[str, Candidate], list[str]]:
    """The results (by data set) of the method that can stand in for the best on most of them, and on which it can.

    "Can stand in" is `near` of the rule in `recommend/rule.py`. Of equals, the one that ran on fewer, then the one that
    trains fastest.
    """
    ran: dict[str, dict[str, Candidate]] = {}
    near: dict[str, list[str]] = {}
    for panel in panels:
        mine = candidates(panel)
        for candidate in mine:
            ran.setdefault(candidate.method, {})[panel.dataset] = candidate
        for name in choose(mine, rows(panel.comparisons)).near:
            near.setdefault(name, []).append(panel.dataset)
    best = min(near, key=lambda name: (-len(near[name]), len(ran[name]), _seconds(ran[name]) or math.inf, name))
    return ran[best], near[best]


def _sentence(ran: dict[str, Candidate], near: list[str], panels: list[Panel]) -> Text:
    learns = max((candidate.trainable_parameters or 0 for candidate in ran.values()), default=0)
    memory = max((candidate.peak_memory_mb or 0 for candidate in ran.values()), default=0)
    told = {"time": duration(_seconds(ran)), "parameters": amount(learns), "memory": size(memory or None)}
    method = next(iter(ran.values())).method
    values: dict[str, Any] = {"method": method, "count": len(panels), "cost": Text("overall_cost", **told)}
    if len(near) == len(panels):
        return Text("overall_all", **values)
    values["near"] = near
    if len(near) == len(ran):
        return Text("overall_ran", missing=[p.dataset for p in panels if p.dataset not in ran], **values)
    return Text("overall_some", **values)


def _seconds(ran: dict[str, Candidate]) -> float | None:
    """Mean training time over data sets."""
    known = [c.train_seconds for c in ran.values() if c.train_seconds is not None]
    return sum(known) / len(known) if known else None


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
