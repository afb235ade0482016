"""Where the numbers come from: the hashes of data, settings, code and checkpoints behind each method's row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tuneproof.report.results import Results

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

DIGITS = 16
"""Hex digits of a sha256 that the page shows."""


def origins(panel: Panel, results: Results, seeds: list[int]) -> dict[str, Any]:
    """What the page tells of a number of this panel when it is clicked.

    `dataset`, `model_name`, `data` (prepared file → sha256), `model` (sha256), and by method `settings`, `code`,
    `commit`, `dirty` and its `runs`.

    A run has its seed, the sha256 of its predictions and of its checkpoint's manifest. Hashes are those that the run
    recorded as it was made; what is not there is left out.
    """
    methods: dict[str, Any] = {}
    data: dict[str, str] = {}
    model = None
    for name, kind in zip(panel.board["method"], panel.board["kind"], strict=True):
        if kind == "ensemble":
            methods[name] = _ensemble(panel, results, name)
            continue
        runs = []
        for seed in seeds:
            folder = ("train", panel.dataset, panel.model, name, f"seed-{seed}")
            about = results.json(*folder, "run.json") or {}
            inputs = about.get("inputs", {})
            model = model or inputs.get("model")
            data = data or {key: inputs[key][:DIGITS] for key in ("card", "gold", "test_tokens") if key in inputs}
            made = results.json(*folder, "provenance.json") or {}
            results.json(*folder, "manifest.json")
            run = {
                "seed": seed,
                "predictions": about.get("predictions", {}).get("sha256", "")[:DIGITS],
                "checkpoint": results.read.get("/".join((*folder, "manifest.json")), "")[:DIGITS],
            }
            runs.append({key: value for key, value in run.items() if value != ""})
            if name not in methods and about:
                methods[name] = {
                    "settings": inputs.get("settings", "")[:DIGITS],
                    "code": _digest(about.get("code", {})),
                    "commit": (made.get("git") or {}).get("commit") or "",
                    "dirty": bool((made.get("git") or {}).get("dirty")),
                }
        methods.setdefault(name, {})["runs"] = runs
    return {
        "dataset": panel.dataset,
        "model_name": panel.model,
        "data": data,
        "model": (model or "")[:DIGITS],
        "methods": methods,
    }


def _ensemble(panel: Panel, results: Results, name: str) -> dict[str, Any]:
    about = results.json("ensemble", panel.dataset, panel.model, name, "members.json") or {}
    members = [
        {"run": member["run"], "predictions": str(member.get("sha256", ""))[:DIGITS]}
        for member in about.get("members", [])
    ]
    return {"runs": members}


def _digest(code: dict[str, str]) -> str:
    """One sha256 over the names and hashes of the source files that a fit depends on."""
    if not code:
        return ""
    text = "".join(f"{digest}  {path}\n" for path, digest in sorted(code.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
