"""A recommendation in words, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuneproof.recommend.rule import Candidate, Limits, Needed, Recommendation
from tuneproof.report.tables import amount, duration, number

NAMES = {
    "train_seconds": "training time",
    "peak_memory_mb": "memory",
    "latency_ms": "latency",
    "score": "score",
}


def lines(
    dataset: str,
    model: str,
    score: str,
    candidates: Sequence[Candidate],
    found: Recommendation,
    *,
    ensembles: list[str],
    command: str | None,
) -> list[str]:
    """Sentences for the terminal, the answer first."""
    by_name = {candidate.method: candidate for candidate in candidates}
    told = [f"{dataset} · {model}: {_answer(score, by_name, found)}"]
    told += [f"  {sentence}." for sentence in found.why]
    if found.choice is not None:
        told += _beside(by_name, found)
        costs = ", ".join(NAMES[name] for name in found.front_costs)
        told.append(f"  Pareto front of score and {costs}: {', '.join(found.front)}.")
    if found.outside:
        parts = [
            f"{name} ({', '.join(_broken(by_name[name], limit) for limit in why)})"
            for name, why in found.outside.items()
        ]
        told.append(f"  Outside the limits: {_few(parts)}.")
    if ensembles:
        told.append(f"  Shown to be better, at the cost of several fits: {', '.join(ensembles)}.")
    told += [f"  {line}" for line in _settle(found.settle, dataset)]
    if command is not None:
        told.append(f"  Train it on all the data: {command}")
    return told


def _few(parts: Sequence[str], shown: int = 8) -> str:
    """The first ones, and how many more there are: `--json` has all of them."""
    more = f" and {len(parts) - shown} more" if len(parts) > shown else ""
    return ", ".join(parts[:shown]) + more


def as_json(
    dataset: str,
    model: str,
    score: str,
    candidates: Sequence[Candidate],
    found: Recommendation,
    *,
    limits: Limits,
    ensembles: list[str],
    command: str | None,
) -> dict[str, Any]:
    """All fields of the recommendation; units stand in the names."""
    choice = found.choice
    return {
        "dataset": dataset,
        "model": model,
        "score": score,
        "limits": limits._asdict(),
        "answer": found.answer,
        "method": found.method,
        "why": found.why,
        "best": choice and choice.best,
        "cannot_be_told_apart_from_best": choice.rivals if choice else [],
        "near_best": choice.near if choice else [],
        "detectable": choice and choice.detectable,
        "cheaper_and_not_told_apart": found.cheaper,
        "pareto_front": found.front,
        "pareto_costs": found.front_costs,
        "ensembles_shown_better": ensembles,
        "outside_limits": found.outside,
        "settle": [entry._asdict() for entry in found.settle],
        "command": command,
        "candidates": [candidate._asdict() for candidate in candidates],
    }


def _answer(score: str, by_name: dict[str, Candidate], found: Recommendation) -> str:
    if found.method is None:
        return "nothing is within the limits."
    mine = by_name[found.method]
    at = f"{score} {number(mine.value)}"
    if mine.low is not None and mine.high is not None:
        at += f" [{number(mine.low)}–{number(mine.high)}]"
    if mine.train_seconds is not None:
        at += f", {duration(mine.train_seconds)} of training"
    if mine.peak_memory_mb is not None:
        at += f", {amount(1e6 * mine.peak_memory_mb)}B"
    if mine.latency_ms is not None:
        at += f", {mine.latency_ms:.3g} ms a text"
    if found.answer == "cannot tell":
        return f"cannot tell. As far as it goes: {found.method} ({at})."
    return f"use {found.method} ({at})."


def _beside(by_name: dict[str, Candidate], found: Recommendation) -> list[str]:
    choice, told = found.choice, []
    assert choice is not None
    if len(by_name) - len(found.outside) == 1:
        told.append("  It is the only one within the limits.")
    elif choice.best != found.method:
        difference = (
            "" if choice.detectable is None else f"; differences below about {number(choice.detectable)} go unseen"
        )
        told.append(
            f"  {choice.best} is ahead at {number(by_name[choice.best].value)}, by no more than chance explains"
            f"{difference}. {found.method} is the cheapest of those near it."
        )
    elif not choice.rivals:
        told.append("  Every other within the limits is behind by more than chance explains.")
    else:
        told.append(f"  It is ahead, and cannot be told apart from {_few(choice.rivals)}.")
    if found.cheaper:
        parts = [
            f"{name} ({number(by_name[name].value)}, {duration(by_name[name].train_seconds)})" for name in found.cheaper
        ]
        told.append(f"  Cheaper, and not told apart from it: {_few(parts)}.")
    return told


def _broken(candidate: Candidate, limit: str) -> str:
    value = candidate.value if limit == "score" else getattr(candidate, limit)
    if value is None:
        return f"{NAMES[limit]} not measured"
    shown = {
        "score": lambda: number(value),
        "train_seconds": lambda: duration(value),
        "peak_memory_mb": lambda: f"{amount(1e6 * value)}B",
        "latency_ms": lambda: f"{value:.3g} ms",
    }[limit]()
    return f"{NAMES[limit]} {shown}"


def _settle(needed: list[Needed], dataset: str, shown: int = 3) -> list[str]:
    if not needed:
        return []
    told = ["What would tell them apart:"]
    for entry in needed[:shown]:
        parts = [f"{count:,} {what}" for count, what in ((entry.seeds, "seeds"), (entry.rows, "test rows")) if count]
        answer = " or ".join(parts) or "no number of seeds or rows in reach" + (
            f" ({entry.note})" if entry.note else ""
        )
        told.append(f"  {entry.a} and {entry.b}: {answer}")
    rest = f" (and {len(needed) - shown} more)" if len(needed) > shown else ""
    told.append(f"  tuneproof power {needed[0].a} {needed[0].b} --dataset {dataset}{rest}")
    return told
