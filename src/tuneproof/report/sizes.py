"""Scores against the number of training examples, over the random draws of each size: a table, and a chart of it.

A family are the data sets that one declaration with several sizes or draws stands for (`drawing.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tuneproof.report import charts

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.charts import Chart
    from tuneproof.report.tables import Panel

COLUMNS = (
    *("family", "model", "method", "score", "size", "unit", "draws", "value", "sd", "low", "high", "lowest", "highest"),
    "train_seconds",
)
UNITS = {"rows": "training examples", "per class": "training examples of each class"}


def table(settings: dict[str, Any], panels: list[Panel]) -> pd.DataFrame:
    """A row for each family, model, method and size: mean test score over draws, its standard deviation and extremes.

    `low` and `high` are one standard deviation (n − 1) below and above the mean, empty where there is one draw. Where
    there are several seeds, a draw's score is their mean.
    """
    import pandas as pd

    found = []
    for panel in panels:
        about = settings["datasets"][panel.dataset]
        if "family" in about:
            shown = panel.ranked[["model", "method", "score", "value", "train_seconds"]]
            found.append(shown.assign(family=about["family"], size=about["size"], unit=about["unit"]))
    if not any(len(frame) for frame in found):
        return pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})
    scores = pd.concat(found, ignore_index=True)
    grouped = scores.groupby(["family", "model", "method", "score", "unit", "size"], sort=False)
    frame = grouped.agg(
        draws=("value", "size"),
        sd=("value", "std"),
        lowest=("value", "min"),
        highest=("value", "max"),
        train_seconds=("train_seconds", "mean"),
        value=("value", "mean"),
    ).reset_index()
    frame = frame.assign(low=frame["value"] - frame["sd"], high=frame["value"] + frame["sd"])
    return frame.sort_values(["family", "model", "method", "size"], kind="stable", ignore_index=True)[list(COLUMNS)]


def chart(frame: pd.DataFrame, data: str, colour: dict[str, str]) -> Chart:
    """Score against examples for one family and model: a line a method, with a band of one standard deviation."""
    import altair as alt

    score, unit = str(frame["score"].iloc[0]), UNITS[str(frame["unit"].iloc[0])]
    sizes = sorted(int(size) for size in frame["size"].unique())
    shown = list(dict.fromkeys(frame.sort_values(["size", "value"], ascending=False)["method"]))
    low, high = sizes[0] / 1.15, sizes[-1] * 1.15
    axis = alt.Axis(values=sizes, format="d", labelOverlap=True)
    scale = alt.Scale(type="log", base=2, domain=[low, high], nice=False)
    x = alt.X("size:Q", title=unit, scale=scale, axis=axis)
    y = alt.Y("value:Q", title=f"test {score}", scale=alt.Scale(zero=False))
    legend = alt.Legend(title=None, orient="right", labelColor="currentColor", symbolType="stroke", symbolOpacity=1)
    hue = alt.Color(
        "method:N", scale=alt.Scale(domain=shown, range=[colour[name] for name in shown]), legend=legend, sort=shown
    )
    base = alt.Chart(alt.NamedData(name=data))
    band = base.mark_area(opacity=0.13).encode(
        x=x, y=alt.Y("low:Q", title=f"test {score}", scale=alt.Scale(zero=False)), y2="high:Q", color=hue
    )
    line = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=hue)
    points = base.mark_point(filled=True, size=45, opacity=1).encode(
        x=x,
        y=y,
        color=hue,
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("size:Q", title=unit),
            alt.Tooltip("value:Q", title=f"mean {score}", format=".4f"),
            alt.Tooltip("sd:Q", title="standard deviation", format=".4f"),
            alt.Tooltip("lowest:Q", format=".4f"),
            alt.Tooltip("highest:Q", format=".4f"),
            alt.Tooltip("draws:Q"),
        ],
    )
    title = f"Test {score} against {unit}"
    return charts.Chart(title, charts.specification(alt.layer(band, line, points), height=charts.COST_HEIGHT))


def sections(
    frame: pd.DataFrame, data: dict[str, list[dict[str, Any]]], specs: dict[str, dict[str, Any]], colour: dict[str, str]
) -> list[dict[str, Any]]:
    """What the template shows of each family and model; adds its table to `data` and its chart to `specs`."""
    found = []
    for place, ((family, model), mine) in enumerate(frame.groupby(["family", "model"], sort=False)):
        key = f"family-{place}"
        drawn = chart(mine, f"{key}-sizes", colour)
        specs[f"{key}-sizes-0"] = drawn.spec
        data[f"{key}-sizes"] = [
            {str(name): _plain(value) for name, value in row.items()} for row in mine.to_dict("records")
        ]
        cells = {(row["method"], row["size"]): row for row in data[f"{key}-sizes"]}
        sizes = sorted(mine["size"].unique().tolist())
        methods = list(dict.fromkeys(mine.sort_values(["size", "value"], ascending=False)["method"]))
        found.append(
            {
                "family": family,
                "model": model,
                "sentence": _leaders(mine),
                "chart": (f"{key}-sizes-0", drawn.title),
                "unit": UNITS[str(mine["unit"].iloc[0])],
                "sizes": sizes,
                "rows": [(method, [cells.get((method, size)) for size in sizes]) for method in methods],
            }
        )
    return found


def _leaders(frame: pd.DataFrame) -> str:
    """Which method has the highest mean at which sizes: `knn with 8 to 16, full with 32 training examples`."""
    best = frame.sort_values(["size", "value"], ascending=[True, False], kind="stable").drop_duplicates("size")
    spans: list[tuple[str, list[int]]] = []
    for method, size in zip(best["method"], best["size"], strict=True):
        if not spans or spans[-1][0] != method:
            spans.append((str(method), []))
        spans[-1][1].append(int(size))
    told = [f"{method} with {sizes[0]:,}" + (f" to {sizes[-1]:,}" if len(sizes) > 1 else "") for method, sizes in spans]
    return f"Highest mean {frame['score'].iloc[0]}: {', '.join(told)} {UNITS[str(frame['unit'].iloc[0])]}."


def _plain(value: Any) -> Any:
    """JSON has no NaN; numpy's numbers become Python's."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value
