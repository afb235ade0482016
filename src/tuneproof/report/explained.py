"""What words add to an answer, and what it could have been learned from: coloured words of a few test rows, and the
training rows nearest to them, from the stage `challenge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report.extras import row_texts
from tuneproof.report.results import Results, rows

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel

SHOWN = 6
"""Test rows that the page shows."""
NEAREST = 3
"""Training rows that the page shows of each."""
LEVELS = 3
"""Depths of colour to either side of none."""


def found(panel: Panel, results: Results) -> dict[str, Any] | None:
    """Explained rows of the first method of the ranking that has any; None where no method has.

    `method`, `attribution` (how it was found out), `rows` (each `output`, and `words` with a level from −LEVELS,
    against the answer, to LEVELS, for it; `neighbours`: each `text`, `label` and `cosine`), `near` (whether any row has
    neighbours), `path`.
    """
    for method in panel.ranked["method"]:
        parts = ("challenge", panel.dataset, panel.model, str(method), "attributions.parquet")
        table = results.frame(*parts)
        if table is None or table.empty:
            continue
        kinds = list(dict.fromkeys(table["attribution"]))
        kind = next((name for name in kinds if "gradients" in str(name)), kinds[0])
        mine = table[table["attribution"] == kind]
        near = _neighbours(panel, str(method), results)
        texts = [
            {**_row(part), "neighbours": near.get(str(name), [])} for name, part in mine.groupby("id", sort=False)
        ][:SHOWN]
        told = {"near": any(row["neighbours"] for row in texts), "path": "/".join(parts)}
        return {"method": method, "attribution": kind, "rows": texts, **told}
    return None


def _neighbours(panel: Panel, method: str, results: Results) -> dict[str, list[dict[str, Any]]]:
    """Test row → the training rows nearest to it, nearest first; empty where they were not looked for."""
    table = results.frame("challenge", panel.dataset, panel.model, method, "neighbours.parquet")
    training = results.frame("prepare", panel.dataset, "train.parquet")
    if table is None or table.empty or training is None:
        return {}
    texts = row_texts(training)
    labels = dict(zip(training["id"], training["label"], strict=True)) if "label" in training else {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows(table[table["rank"] <= NEAREST].sort_values("rank", kind="stable")):
        near = row["neighbour"]
        found.setdefault(str(row["id"]), []).append(
            {"text": texts.get(near, near), "label": labels.get(near), "cosine": row["cosine"]}
        )
    return found


def _row(table: pd.DataFrame) -> dict[str, Any]:
    largest = float(table["value"].abs().max()) or 1.0
    words = [
        {"word": row["word"], "value": row["value"], "level": round(LEVELS * row["value"] / largest)}
        for row in rows(table.sort_values(["column", "place"], kind="stable"))
        if row["value"] is not None
    ]
    return {"output": float(table["output"].iloc[0]), "words": words}
