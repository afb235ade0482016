"""The tab of methods: what each is made of, what was chosen for it on each data set, and where it was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof import catalogue

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel


def part(settings: dict[str, Any], panels: list[Panel]) -> list[dict[str, Any]]:
    """A row a method: its parts with idea and paper, settings chosen by data set, and reasons where it did not run."""
    known = {(entry.kind, entry.name): entry for entry in catalogue.entries()}
    found = []
    for name, method in settings["methods"].items():
        named = [("tuning", method.get("tuning")), ("adversarial", method.get("adversarial"))]
        named += [("regulariser", part) for part in method.get("regularisers") or []]
        parts = [{"kind": kind, "name": part, **_about(known.get((kind, part)))} for kind, part in named if part]
        # what settings say of the tuning comes first: they are what the run was made with
        parts[:1] = [{**first, "idea": method.get("idea"), "paper": method.get("paper")} for first in parts[:1]]
        found.append(
            {
                "name": name,
                "parts": parts,
                "augment": method.get("augment"),
                "detail": method.get("detail") or [],
                "chosen": [
                    {"dataset": panel.dataset, "model": panel.model, **panel.chosen[name]}
                    for panel in panels
                    if panel.chosen.get(name)
                ],
                "left_out": _left_out(name, settings, panels),
            }
        )
    return found


def _about(entry: catalogue.Entry | None) -> dict[str, str | None]:
    return {"idea": entry.idea if entry else None, "paper": entry.paper if entry else None}


def _left_out(name: str, settings: dict[str, Any], panels: list[Panel]) -> list[dict[str, str]]:
    """By params before the run, and by what turned out in it."""
    everywhere = [*settings["left_out"], *(entry for panel in panels for entry in panel.left_out)]
    return [entry for entry in everywhere if entry["method"] == name]
