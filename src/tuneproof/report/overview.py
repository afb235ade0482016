"""The first screen's leaderboard: a row a method, a score a data set; and what its sliders and Pareto chart work on."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tuneproof.report.compared import lettered, places
from tuneproof.report.results import Results, rows

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

COSTS: dict[str, Callable[[list[float]], float]] = {
    "trainable_parameters": max,
    "train_seconds": fmean,
    "latency_ms": fmean,
    "peak_memory_mb": max,
    "checkpoint_mb": fmean,
}
"""Cost → how those of several data sets become one: the largest of what must fit, the mean of the others."""


def board(
    panels: list[Panel], leaders: dict[tuple[str, str], list[str]], methods: dict[str, Any], results: Results
) -> dict[str, Any]:
    """`columns` (a data set and model each) and `rows`: method, kind, idea, mean rank, scores, costs; best first.

    `leaders`: (data set, model) → who could stand in for the best there. Ordered by on how many data sets a method
    could, then by mean rank where it is known, then by score; ensembles last.
    """
    ranks = _ranks(results)
    names = dict.fromkeys((panel.model, name) for panel in panels for name in panel.board["method"])
    by_panel = [{row["method"]: row for row in rows(panel.board)} for panel in panels]
    marks = [_marks(panel) for panel in panels]
    found = []
    for model, name in names:
        cells: list[dict[str, Any] | None] = []
        costs: dict[str, list[float]] = {cost: [] for cost in COSTS}
        kind = "method"
        for panel, table, letters in zip(panels, by_panel, marks, strict=True):
            row = table.get(name) if panel.model == model else None
            if row is None:
                cells.append(None)
                continue
            kind = row["kind"]
            row = {**row, "latency_ms": panel.latency.of.get(name)}
            for cost in COSTS:
                costs[cost] += [float(row[cost])] if row[cost] is not None else []
            leads = name in leaders[panel.dataset, panel.model]
            cells.append({**row, "mark": letters.get(name, ""), "leads": leads})
        found.append(
            {
                "model": model,
                "method": name,
                "kind": kind,
                "idea": methods.get(name, {}).get("idea") or "",
                "detail": methods.get(name, {}).get("detail") or [],
                "rank": ranks.get((model, name)),
                "cells": cells,
                "leads": sum(bool(cell and cell["leads"]) for cell in cells),
                **{cost: COSTS[cost](values) if values else None for cost, values in costs.items()},
            }
        )
    found.sort(key=_order)
    return {
        "columns": [{"dataset": panel.dataset, "model": panel.model, "score": panel.score} for panel in panels],
        "rows": found,
        "ranked": any(row["rank"] is not None for row in found),
    }


def payload(panels: list[Panel], keys: list[str]) -> list[dict[str, Any]]:
    """What the scripts of the first screen know of each panel: methods with all measures, and who is told from whom.

    `apart` and `detectable` hold the pairs i < j in the order of `rows`, row by row; an unknown pair is `-` and null.
    """
    return [_panel(panel, key) for panel, key in zip(panels, keys, strict=True)]


def _panel(panel: Panel, key: str) -> dict[str, Any]:
    ranked = [
        {
            "method": row["method"],
            "kind": row["kind"],
            **{name: _plain(row[name]) for name in ("value", "low", "high")},
            **{cost: _plain(row[cost]) for cost in COSTS if cost in row},
            "latency_ms": _plain(panel.latency.of.get(row["method"])),
        }
        for row in rows(panel.ranked)
    ]
    pairs = {frozenset((row["a"], row["b"])): row for row in rows(panel.comparisons)}
    names = [row["method"] for row in ranked]
    ordered = [pairs.get(frozenset((a, b))) for place, a in enumerate(names) for b in names[place + 1 :]]
    return {
        "key": key,
        "dataset": panel.dataset,
        "model": panel.model,
        "score": panel.score,
        "rows": ranked,
        "apart": "".join("-" if pair is None else "1" if pair["distinguishable"] else "0" for pair in ordered),
        "detectable": [None if pair is None else _plain(pair["detectable"]) for pair in ordered],
    }


def _marks(panel: Panel) -> dict[str, str]:
    """Method → the letters that it shares with those it cannot be told apart from; places where letters are many."""
    if not lettered(panel):
        return places(panel)
    return {row["method"]: row["group"] for row in rows(panel.ranked)}


def _ranks(results: Results) -> dict[tuple[str, str], float]:
    table = results.csv("evaluate", "ranks.csv")
    return {} if table is None else {(row["model"], row["method"]): row["mean_rank"] for row in rows(table)}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    values = [cell["value"] for cell in row["cells"] if cell and cell["value"] is not None]
    return (row["kind"] != "method", not values, -row["leads"], row["rank"] or float("inf"), -max(values, default=0))


def _plain(value: Any) -> float | None:
    """Six digits, as in leaderboard.csv."""
    return None if value is None else float(f"{float(value):.6g}")
