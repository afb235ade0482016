"""The tab on the run: machine, versions, time and cost by stage, and warnings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof.preflight import outcome
from tuneproof.report.results import Results, rows

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

VERSIONS = ("tuneproof", "torch", "transformers", "peft", "optuna", "tokenizers", "numpy", "scikit-learn")


def part(settings: dict[str, Any], panels: list[Panel], results: Results, spent: dict[str, Any]) -> dict[str, Any]:
    """What the template shows: `machine`, `versions`, `commits`, `costs` (a row a data set and model), `warnings`.

    `spent` is what `time_spent` found when the page was first written.
    """
    machine: dict[str, dict[str, None]] = {name: {} for name in ("hardware", "platform", "python", "device")}
    versions: dict[str, dict[str, None]] = {name: {} for name in VERSIONS}
    commits: dict[tuple[str, bool], int] = {}
    costs = []
    for panel in panels:
        row: dict[str, Any] = {"dataset": panel.dataset, "model": panel.model, "runs": 0, "search": 0.0, "train": 0.0}
        for method in panel.chosen:
            row["search"] += (results.json("search", panel.dataset, panel.model, method, "cost.json") or {}).get(
                "seconds", 0.0
            )
            for seed in settings["seeds"]:
                folder = ("train", panel.dataset, panel.model, method, f"seed-{seed}")
                cost = results.json(*folder, "cost.json") or {}
                if not cost:
                    continue
                row["runs"] += 1
                row["train"] += cost.get("train_seconds", 0.0) + cost.get("predict_seconds", 0.0)
                made = results.json(*folder, "provenance.json") or {}
                for name in machine:
                    if value := made.get(name) or cost.get(name):
                        machine[name][str(value)] = None
                for name in VERSIONS:
                    if value := (made.get("packages") or {}).get(name):
                        versions[name][str(value)] = None
                if commit := (made.get("git") or {}).get("commit"):
                    key = (str(commit), bool(made["git"].get("dirty")))
                    commits[key] = commits.get(key, 0) + 1
        costs.append(row)
    return {
        "machine": {name: list(values) for name, values in machine.items() if values},
        "versions": {name: list(values) for name, values in versions.items() if values},
        "commits": [{"commit": commit, "dirty": dirty, "runs": runs} for (commit, dirty), runs in commits.items()],
        "costs": costs,
        "total": {name: sum(row[name] for row in costs) for name in ("runs", "search", "train")},
        "estimate": spent or None,
        "warnings": [{"dataset": p.dataset, "model": p.model, "told": p.warnings} for p in panels if p.warnings],
        "absent": [{"dataset": p.dataset, "model": p.model, "told": p.absent} for p in panels if p.absent],
        "largest": max((row["peak_memory_mb"] or 0 for p in panels for row in rows(p.ranked)), default=0),
    }


def time_spent(results: Path) -> dict[str, Any]:
    """What the run was estimated to take and what it took so far; empty where that was not kept."""
    found = outcome.read(results)
    return {} if found is None else found.words(time.time())
