"""The charts as SVG and PNG files, without a browser: scores, costs, searches and learning curves of each data set.

What the page shows a method at a time stands here in one file of small charts, the best methods first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.report import charts

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel

Spec = dict[str, Any]
INK, PAPER, FONT = "#222222", "#ffffff", "DejaVu Sans, sans-serif"
WIDTH, SMALL = 420, 200
"""Pixels of a chart, and of one of several."""
SHOWN = 24
"""Methods that a figure of small charts has at most: the best."""
COSTS = {"Score against training time": "cost-train-time", "Score against what learns": "parameters"}
"""Title of a chart of `charts.costs` → beginning of its file's name; `cost-` marks what holds seconds."""


def write(settings: dict[str, Any], panel: Panel, name: str, folder: Path) -> set[Path]:
    """Write `KIND-NAME.svg` and `.png` for each kind of chart that the panel has data for; returns their paths."""
    import vl_convert

    written: set[Path] = set()
    for kind, spec in specifications(settings, panel).items():
        svg = vl_convert.vegalite_to_svg(spec)
        files.write_text(folder / f"{kind}-{name}.svg", svg)
        with files.replacing(folder / f"{kind}-{name}.png") as temporary:
            temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))
        written |= {folder / f"{kind}-{name}{suffix}" for suffix in (".svg", ".png")}
    return written


def specifications(settings: dict[str, Any], panel: Panel) -> dict[str, Spec]:
    """Kind → Vega-Lite, with its data; empty where there is no result yet."""
    names = [*settings["methods"], *dict.fromkeys(name for *_, name in settings["ensembles"])]
    colour = charts.colours(names)
    best = panel.ranked["method"].head(SHOWN).tolist()
    found: dict[str, Spec] = {}
    if best:
        found["scores"] = _alone(scores(panel), "scores", _scored(panel))
    for chart in charts.costs(panel, "costs", colour):
        found[COSTS[str(chart.title)]] = _alone(chart.spec, "costs", panel.ranked)
    for kind, frame, draw in (("search", panel.trials, charts.search), ("curves", panel.history, charts.curves)):
        made = {str(chart.title): chart.spec for chart in (draw(panel, kind, colour) if len(frame) else [])}
        shown = [(method, made[method]) for method in best if method in made]
        if shown:
            found[kind] = _together(shown, kind, frame)
    return found


def scores(panel: Panel) -> Spec:
    """A line a method: its interval, its score, and a small mark a seed."""
    import altair as alt

    base = alt.Chart(alt.NamedData(name="scores"))
    order = panel.ranked["method"].tolist()
    y = alt.Y("method:N", title=None, sort=order)
    x = alt.X("value:Q", title=f"test {panel.score}", scale=alt.Scale(zero=False))
    interval = base.mark_rule(strokeWidth=2, color=charts.PALETTE[0], opacity=0.5).encode(
        x=alt.X("low:Q", title=f"test {panel.score}", scale=alt.Scale(zero=False)), x2="high:Q", y=y
    )
    points = base.transform_filter("datum.seed === null").mark_point(filled=True, size=70, color=charts.PALETTE[0])
    seeds = base.transform_filter("datum.seed !== null").mark_tick(size=9, thickness=1.5, color=charts.QUIET)
    layers = alt.layer(interval, seeds.encode(x=x, y=y), points.encode(x=x, y=y, opacity=alt.value(1)))
    return layers.properties(width=WIDTH, height={"step": 20}).configure(**charts.CONFIG).to_dict()


def _scored(panel: Panel) -> pd.DataFrame:
    """Rows of `scores`: one a method (no seed) and one a seed (no interval)."""
    import pandas as pd

    over = panel.ranked[["method", "value", "low", "high"]].assign(seed=None)
    seeds = panel.seeds[panel.seeds["method"].isin(over["method"])].assign(low=None, high=None)
    return pd.concat([over.astype(object), seeds.astype(object)], ignore_index=True)


def _alone(spec: Spec, data: str, frame: pd.DataFrame) -> Spec:
    """A chart of the page with its data, on white paper."""
    text = json.dumps(spec).replace("currentColor", INK)
    made: Spec = json.loads(text)
    made["config"] |= {"background": PAPER, "font": FONT}
    made["datasets"] = {**made.get("datasets", {}), data: _records(frame)}
    if made.get("width") == "container":
        made["width"] = WIDTH
    return made


def _together(shown: list[tuple[str, Spec]], data: str, frame: pd.DataFrame) -> Spec:
    """Small charts side by side, each with its method's name."""
    first = _alone(shown[0][1], data, frame)
    whole = {"config": first.pop("config"), "$schema": first.pop("$schema"), "datasets": {data: _records(frame)}}
    small = []
    for method, spec in shown:
        one = _alone(spec, data, frame)
        whole["datasets"].update({key: rows for key, rows in one.pop("datasets").items() if key != data})
        small.append({key: value for key, value in one.items() if key not in ("config", "$schema")})
        small[-1] |= {"title": {"text": method, "color": INK, "fontSize": 12}, "width": SMALL}
    return {**whole, "concat": small, "columns": 3}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=10))
    return rows
