"""What words add to an answer: coloured words of a few test rows, from the stage `challenge`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report.results import Results, rows

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel

SHOWN = 6
"""Test rows that the page shows."""
LEVELS = 3
"""Depths of colour to either side of none."""


def found(panel: Panel, results: Results) -> dict[str, Any] | None:
    """Explained rows of the first method of the ranking that has any; None where no method has.

    `method`, `attribution` (how it was found out), `rows` (each `output`, and `words` with a level from −LEVELS,
    against the answer, to LEVELS, for it), `path`.
    """
    for method in panel.ranked["method"]:
        parts = ("challenge", panel.dataset, panel.model, str(method), "attributions.parquet")
        table = results.frame(*parts)
        if table is None or table.empty:
            continue
        kinds = list(dict.fromkeys(table["attribution"]))
        kind = next((name for name in kinds if "gradients" in str(name)), kinds[0])
        mine = table[table["attribution"] == kind]
        texts = [_row(part) for _, part in mine.groupby("id", sort=False)][:SHOWN]
        return {"method": method, "attribution": kind, "rows": texts, "path": "/".join(parts)}
    return None


def _row(table: pd.DataFrame) -> dict[str, Any]:
    largest = float(table["value"].abs().max()) or 1.0
    words = [
        {"word": row["word"], "value": row["value"], "level": round(LEVELS * row["value"] / largest)}
        for row in rows(table.sort_values(["column", "place"], kind="stable"))
        if row["value"] is not None
    ]
    return {"output": float(table["output"].iloc[0]), "words": words}
