"""The Pareto chart of the first screen: one drawing, which a script fills with any two measures."""

from __future__ import annotations

from typing import Any

from tuneproof.report import charts

MEASURES = ("score", "trainable_parameters", "train_seconds", "peak_memory_mb", "latency_ms", "checkpoint_mb")


def drawing() -> dict[str, Any]:
    """Points `x`, `y` of `pareto`: optimal ones (`front`) filled, named and joined; a script sets titles and scales."""
    import altair as alt

    base = alt.Chart(alt.NamedData(name="pareto"))
    front = base.transform_filter(alt.FieldEqualPredicate(field="front", equal=True))
    x = alt.X("x:Q", title="x", scale=alt.Scale(zero=False, nice=False, type="linear"), axis=alt.Axis(format="~s"))
    y = alt.Y("y:Q", title="y", scale=alt.Scale(zero=False, nice=True, type="linear"), axis=alt.Axis(format="~s"))
    hue = alt.Color("hue:N", scale=None, legend=None)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("x_told:N", title="x"), alt.Tooltip("y_told:N", title="y")]
    rule = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, opacity=0.4)
    interval = rule.encode(x=x, y=alt.Y("low:Q", title="y"), y2="high:Q", color=hue)
    line = front.mark_line(interpolate="linear", color=charts.QUIET, strokeDash=[4, 3], strokeWidth=1)
    points = base.mark_point(size=90, strokeWidth=1.5).encode(
        x=x,
        y=y,
        stroke=alt.Color("hue:N", scale=None, legend=None),
        fill=alt.Fill("fill:N", scale=None, legend=None),
        opacity=alt.Opacity("opacity:Q", scale=None, legend=None),
        tooltip=tooltip,
    )
    names = front.mark_text(align="left", baseline="bottom", dx=7, dy=-4, fontWeight=600).encode(
        x=x, y=y, text="method:N", color=hue
    )
    layers = alt.layer(line.encode(x=x, y=y, order="x:Q"), interval, points, names)
    return charts.specification(layers, height=charts.COST_HEIGHT)
