"""Charts of calibration, risk, confusion and robustness: a table and a panel in, the rows drawn and drawings out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tuneproof.report import charts
from tuneproof.report.charts import HUE, METHOD, QUIET, Chart, specification

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from tuneproof.report.panels import Panel

Drawing = tuple["pd.DataFrame", list[Chart]]
CLASSES = 20
"""Classes from which on a confusion matrix is no picture any more."""


def _order(table: pd.DataFrame, panel: Panel) -> list[str]:
    """Methods of the table in the order of the leaderboard."""
    there = set(table["method"])
    return [str(method) for method in panel.ranked["method"] if method in there]


def reliability(table: pd.DataFrame, panel: Panel, data: str, colour: dict[str, str]) -> Drawing:
    """One chart a method: confidence against accuracy as it is (dots) and after temperature scaling (hollow)."""
    import altair as alt

    shown = table.dropna(subset=["confidence", "accuracy"])
    shown = shown[["method", "scaling", "bin", "confidence", "accuracy", "low", "high", "items"]]
    if shown.empty:
        return shown, []
    mine = alt.Chart(alt.NamedData(name=data)).transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", title="confidence", scale=whole)
    y = alt.Y("accuracy:Q", title="accuracy", scale=whole)
    diagonal = (
        alt.Chart(alt.InlineData(values=[{"at": 0}, {"at": 1}]))
        .mark_line(color=QUIET, strokeDash=[4, 3], strokeWidth=1)
        .encode(x=alt.X("at:Q", title="confidence"), y=alt.Y("at:Q", title="accuracy"))
    )
    raw = mine.transform_filter(alt.FieldEqualPredicate(field="scaling", equal="none"))
    rule = raw.mark_rule(color=HUE, opacity=0.4).encode(x=x, y=alt.Y("low:Q", title="accuracy"), y2="high:Q")
    tooltip = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("confidence", "accuracy")]
    points = mine.mark_point(size=40, color=HUE).encode(
        x=x,
        y=y,
        shape=alt.Shape(
            "scaling:N", scale=alt.Scale(domain=["none", "temperature"], range=["circle", "cross"]), legend=None
        ),
        opacity=alt.condition("datum.scaling == 'none'", alt.value(1), alt.value(0.35)),
        tooltip=[*tooltip, alt.Tooltip("items:Q"), alt.Tooltip("scaling:N")],
    )
    drawn = specification(alt.layer(diagonal, rule, points), height=190)
    return shown, charts._for_each(_order(shown, panel), drawn, colour)


def risk_coverage(table: pd.DataFrame, panel: Panel, data: str, colour: dict[str, str]) -> Drawing:
    """One chart a method: the share of wrong answers among the most confident ones; the other methods in grey."""
    import altair as alt

    shown = table.dropna(subset=["risk"])[["method", "coverage", "risk", "low", "high"]]
    if shown.empty:
        return shown, []
    base = alt.Chart(alt.NamedData(name=data))
    x = alt.X("coverage:Q", title="coverage", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    y = alt.Y("risk:Q", title="risk")
    others = base.mark_line(color=QUIET, opacity=0.3, strokeWidth=1).encode(x=x, y=y, detail=alt.Detail("method:N"))
    mine = base.transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
    band = mine.mark_area(color=HUE, opacity=0.15).encode(x=x, y=alt.Y("low:Q", title="risk"), y2="high:Q")
    line = mine.mark_line(color=HUE, strokeWidth=2).encode(
        x=x, y=y, tooltip=[alt.Tooltip("coverage:Q", format=".0%"), alt.Tooltip("risk:Q", format=".3f")]
    )
    drawn = specification(alt.layer(others, band, line), height=150)
    return shown, charts._for_each(_order(shown, panel), drawn, colour)


def confusion(table: pd.DataFrame, panel: Panel, data: str, colour: dict[str, str]) -> Drawing:
    """One chart a method: a cell for each true and given class, dark where its share of the true class is large."""
    import altair as alt

    shown = table.dropna(subset=["gold", "predicted"])[["method", "gold", "predicted", "answers", "share"]]
    classes = sorted({*shown["gold"], *shown["predicted"]})
    if shown.empty or len(classes) > CLASSES:
        return shown, []
    mine = alt.Chart(alt.NamedData(name=data)).transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
    x = alt.X("predicted:N", title="answered", scale=alt.Scale(domain=classes), axis=alt.Axis(labelAngle=-40))
    y = alt.Y("gold:N", title="true", scale=alt.Scale(domain=classes))
    cells = mine.mark_rect(color=HUE).encode(
        x=x,
        y=y,
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 0.9]), legend=None),
        tooltip=[
            alt.Tooltip("gold:N", title="true"),
            alt.Tooltip("predicted:N", title="answered"),
            alt.Tooltip("answers:Q"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    layers: list[alt.Chart] = [cells]
    if len(classes) <= 6:
        layers.append(mine.mark_text(color="currentColor", fontSize=11).encode(x=x, y=y, text="answers:Q"))
    drawn = specification(alt.layer(*layers), height=max(110, 20 * len(classes)))
    return shown, charts._for_each(_order(shown, panel), drawn, colour)


def robustness(table: pd.DataFrame, panel: Panel, data: str, colour: dict[str, str]) -> Drawing:
    """One chart a method: what each shift costs, with its interval."""
    import altair as alt

    shown = table[(table["score"] == panel.score) & table["drop"].notna()]
    shown = shown[["method", "challenge", "score", "drop", "low", "high", "unchanged", "changed"]]
    if shown.empty:
        return shown, []
    mine = alt.Chart(alt.NamedData(name=data)).transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
    order = list(dict.fromkeys(shown["challenge"]))
    y = alt.Y("challenge:N", title=None, sort=order, scale=alt.Scale(domain=order))
    ends = [float(shown[["drop", "low"]].min().min()), float(shown[["drop", "high"]].max().max())]
    x = alt.X("drop:Q", title=f"loss of {panel.score}", scale=alt.Scale(domain=ends))
    bars = mine.mark_bar(color=HUE, opacity=0.75, height=9).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("challenge:N"),
            *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("drop", "unchanged", "changed")),
        ],
    )
    rule = mine.mark_rule(color="currentColor", opacity=0.6).encode(
        x=alt.X("low:Q", title=f"loss of {panel.score}"), x2="high:Q", y=y
    )
    drawn = specification(alt.layer(bars, rule), height=max(80, 18 * len(order)))
    return shown, charts._for_each(_order(shown, panel), drawn, colour)


CHARTS: dict[str, Callable[[pd.DataFrame, Panel, str, dict[str, str]], Drawing]] = {
    "reliability": reliability,
    "risk_coverage": risk_coverage,
    "confusion": confusion,
    "robustness": robustness,
}
"""Table → what draws it."""
