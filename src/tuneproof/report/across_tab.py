"""The tab across data sets: mean ranks with the critical-difference diagram, tests, and pairs of methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report import charts
from tuneproof.report.results import rows

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.results import Results

PAIRS = 300
"""Pairs of methods that the page lists; the table has all."""


def part(results: Results, colour: dict[str, str], drawn: charts.Drawn) -> list[dict[str, Any]]:
    """What the template shows of each model; nothing where no model has ranks over several data sets."""
    tables = {name: results.csv("evaluate", f"{name}.csv") for name in ("ranks", "friedman", "across", "half_budget")}
    ranks = tables["ranks"]
    if ranks is None or ranks["mean_rank"].isna().all():
        return []
    found = []
    for place, model in enumerate(dict.fromkeys(ranks["model"])):
        mine = {
            name: [row for row in rows(table) if row.get("model") == model] if table is not None else []
            for name, table in tables.items()
        }
        tested = mine["friedman"][0] if mine["friedman"] else None
        key = f"across-{place}"
        chart = diagram(ranks[ranks["model"] == model], tested, colour)
        found.append(
            {
                "model": model,
                "tested": tested,
                "ranks": mine["ranks"],
                "half": mine["half_budget"],
                "pairs": mine["across"][:PAIRS],
                "all_pairs": len(mine["across"]),
                "figure": drawn.add(f"{key}-ranks", [], [chart])[0],
            }
        )
    return found


def diagram(ranks: pd.DataFrame, tested: dict[str, Any] | None, colour: dict[str, str]) -> charts.Chart:
    """Critical-difference diagram (Demšar 2006), a line a method: its mean rank, and a bar of half the critical
    difference to either side, so that two methods are told apart where their bars do not meet."""
    import altair as alt

    ordered = ranks.dropna(subset=["mean_rank"]).sort_values(["mean_rank", "method"], kind="stable")
    names = [str(name) for name in ordered["method"]]
    critical = tested.get("critical_difference") if tested else None
    half = 0.0 if critical is None else float(critical) / 2
    points = [
        {"method": name, "mean_rank": float(rank), "letters": str(letters), "from": rank - half, "to": rank + half}
        for name, rank, letters in zip(names, ordered["mean_rank"], ordered["letters"], strict=True)
    ]
    shown = alt.Chart(alt.InlineData(values=points))
    title = "mean rank (1 is best)"
    places = list(range(1, len(names) + 1))  # no method has a rank beyond them, however far its bar reaches
    axis = alt.Axis(values=places[:: 1 + len(places) // 20], format="d")
    x = alt.X("mean_rank:Q", title=title, scale=alt.Scale(zero=False), axis=axis)
    y = alt.Y("method:N", title=None, sort=names, axis=alt.Axis(labelLimit=220, grid=False))
    hue = alt.Color("method:N", scale=alt.Scale(domain=names, range=[colour[n] for n in names]), legend=None)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("mean_rank:Q"), alt.Tooltip("letters:N")]
    dots = shown.mark_point(filled=True, size=90, opacity=1).encode(x=x, y=y, color=hue, tooltip=tooltip)
    reach = shown.mark_rule(strokeWidth=3, opacity=0.35).encode(
        x=alt.X("from:Q", title=title), x2="to:Q", y=y, color=hue
    )
    return charts.Chart("Mean ranks", charts.specification(alt.layer(reach, dots), height=max(120, 22 * len(names))))
