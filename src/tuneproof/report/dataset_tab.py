"""A data set's tab: what the template shows of each of its models, and its data card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report import augmented, charts, explained, extras, quality
from tuneproof.report.compared import lettered, matrix, places, squares
from tuneproof.report.embed import records
from tuneproof.report.overall import use
from tuneproof.report.results import rows
from tuneproof.report.verdict import verdict
from tuneproof.report.words import MANY

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results

PAIRS = 2000
"""Comparisons that the page lists; of more, only those of the method that is ahead."""


def part(
    panel: Panel,
    key: str,
    colour: dict[str, str],
    drawn: charts.Drawn,
    results: Results,
    *,
    confidence: float,
    drawn_at_all: bool = True,
) -> dict[str, Any]:
    """What the template shows of one data set and model; its tables and charts, where wanted, go to `drawn`."""
    figures: dict[str, list[tuple[str, str]]] = {}
    for kind, frame, draw in (
        ("search", panel.trials, charts.search),
        ("curves", panel.history, charts.curves),
        ("costs", panel.ranked, charts.costs),
    ):
        made = draw(panel, f"{key}-{kind}", colour) if drawn_at_all else []
        figures[kind] = drawn.add(f"{key}-{kind}", records(frame) if made else [], made)
    bars, ticks = charts.bars(panel)
    pairs = matrix(panel) if len(panel.ranked) > MANY else []
    compared = rows(panel.comparisons)
    answer = verdict(panel, confidence=confidence)
    if len(compared) > PAIRS:
        compared = [row for row in compared if answer.leaders[:1] in ([row["a"]], [row["b"]])]
    return {
        "key": key,
        "panel": panel,
        "verdict": answer,
        "use": use(panel) if len(panel.ranked) > 1 else None,
        "board": list(zip(rows(panel.board), bars, strict=True)),
        "ticks": ticks,
        "lettered": lettered(panel),
        "places": places(panel),
        "pairs": len(pairs),
        "squares": squares(pairs),
        "figures": figures,
        "comparisons": compared,
        "all_comparisons": len(panel.comparisons),
        "explained": explained.found(panel, results) if drawn_at_all else None,
        "extras": extras.found(panel, key, colour, drawn, results) if drawn_at_all else [],
    }


def sections(settings: dict[str, Any], parts: list[dict[str, Any]], results: Results) -> list[dict[str, Any]]:
    """A section a data set: its parts, card, augmented samples, and what was left out on it."""
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(part["panel"].dataset for part in parts):
        mine = [part for part in parts if part["panel"].dataset == name]
        turned_out = [entry for part in mine for entry in part["panel"].left_out]
        augmentations = dict.fromkeys(
            str(method["augment"])
            for key, method in settings["methods"].items()
            if method.get("augment") and any(cell[0] == name and cell[2] == key for cell in settings["cells"])
        )
        card = results.json("prepare", name, "card.json")
        found.append(
            {
                "id": f"dataset-{len(found) + 1}",
                "name": name,
                "card": card,
                "quality": quality.found(card),
                "parts": mine,
                "left_out": [e for e in [*settings["left_out"], *turned_out] if e["dataset"] == name],
                "augmented": augmented.found(name, list(augmentations), results),
                **settings["datasets"][name],
            }
        )
    return found
