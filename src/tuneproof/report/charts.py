"""Charts as Vega-Lite specifications, built with Altair, and the interval bars of the leaderboard.

Frames in, plain dicts out. Colours are readable on light and dark ground alike, and text and axes take the page's own
colour (`currentColor`), so that one drawing serves both and paper as well. Data are named, not inlined: the page holds
each table once, however many charts show it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.report.texts import Text

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from tuneproof.report.tables import Panel

PALETTE = (
    *("#3b82c4", "#d9772b", "#2f9e77", "#c9527a", "#8b6fc9", "#a8842c", "#2a9fb5", "#d0574a"),
    *("#6a994e", "#b565b5", "#5f7fd1", "#b0764f"),
)
COST_HEIGHT = 280
METHOD, HUE = "\ue000method", "#010203"
"""Stand for the method and its colour in a drawing that all methods share: Altair builds and checks it once."""
QUIET = "#8b929c"
"""What is not the point of a chart: the other methods."""


class Shared(NamedTuple):
    """A drawing that several methods share; `METHOD` and `HUE` stand in it for one method and its colour."""

    drawn: dict[str, Any]
    method: str
    hue: str


class Chart(NamedTuple):
    """A specification with the title above it; where methods share it, what it was made of."""

    title: str
    spec: dict[str, Any]
    shared: Shared | None = None


class Drawn:
    """All charts of a page: tables and specifications by name, and what methods share once."""

    def __init__(self) -> None:
        self.data: dict[str, list[dict[str, Any]]] = {}
        self.specs: dict[str, Any] = {}
        """Chart → its specification, or `[place in shared, method, colour]`."""
        self.shared: list[dict[str, Any]] = []

    def add(self, table: str, rows: list[dict[str, Any]], made: list[Chart]) -> list[tuple[str, str]]:
        """Keep the charts of one table; returns name and title of each."""
        if rows:
            self.data[table] = rows
        names = []
        for place, chart in enumerate(made):
            name = f"{table}-{place}"
            names.append((name, chart.title))
            if chart.shared is None:
                self.specs[name] = chart.spec
                continue
            if not any(chart.shared.drawn is known for known in self.shared):
                self.shared.append(chart.shared.drawn)
            number = next(n for n, known in enumerate(self.shared) if known is chart.shared.drawn)
            self.specs[name] = [number, chart.shared.method, chart.shared.hue]
        return names


class Bar(NamedTuple):
    """Places of an interval bar in percent of its width: ends, value, single seeds. None where there is no interval."""

    low: float | None
    high: float | None
    value: float
    seeds: list[float]


def colours(names: list[str]) -> dict[str, str]:
    """A method keeps its colour in all charts of the page."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}


# interval bars


def bars(panel: Panel) -> tuple[list[Bar | None], list[tuple[float, str]]]:
    """A bar for each row of the board (None without a result) on one common scale, and the scale's ticks."""
    ranked = panel.ranked
    if ranked.empty:
        return [None] * len(panel.board), []
    everything = [*ranked["value"], *ranked["low"].dropna(), *ranked["high"].dropna(), *panel.seeds["value"].dropna()]
    low, high = min(everything), max(everything)
    margin = (high - low) * 0.04 or 0.01
    low, high = low - margin, high + margin

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    found: list[Bar | None] = []
    for row in panel.board.to_dict("records"):
        if math.isnan(row["value"]):
            found.append(None)
            continue
        ends = [None if math.isnan(row[end]) else place(row[end]) for end in ("low", "high")]
        seeds = panel.seeds.loc[panel.seeds["method"] == row["method"], "value"].dropna()
        found.append(Bar(ends[0], ends[1], place(row["value"]), [place(value) for value in seeds]))
    return found, [(place(tick), text) for tick, text in _ticks(low, high)]


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Two to five round numbers inside the range."""
    raw = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    decimals = max(0, -math.floor(math.log10(step)) + (1 if round(step / unit, 6) == 2.5 else 0))
    first = math.ceil(low / step - 1e-9)
    return [(k * step, f"{k * step:.{decimals}f}") for k in range(first, math.floor(high / step + 1e-9) + 1)]


# charts


def search(panel: Panel, data: str, colour: dict[str, str]) -> list[Chart]:
    """One chart a method: learning rate (or what it searches instead) against validation score.

    The chosen trial is ringed, the range marked.
    """
    found: dict[str, Chart] = {}
    for scale in dict.fromkeys(panel.trials["scale"]):
        mine = panel.trials[panel.trials["scale"] == scale]
        drawn = _search(panel.score, mine, str(scale), data)
        found |= {chart.title: chart for chart in _for_each(dict.fromkeys(mine["method"]), drawn, colour)}
    return [found[method] for method in dict.fromkeys(panel.trials["method"])]


def _search(score: str, trials: pd.DataFrame, scale: str, data: str) -> dict[str, Any]:
    import altair as alt

    rates = trials[["learning_rate", "low", "high"]].astype(float)
    # one axis for all methods that search the same thing, so that their ranges can be compared by eye
    ends = (float(rates.min().min()) / 1.3, float(rates.max().max()) * 1.3)
    base = alt.Chart(alt.NamedData(name=data)).transform_filter(alt.FieldEqualPredicate(field="scale", equal=scale))
    mine = base.transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
    x = alt.X("learning_rate:Q", title=scale, scale=_log_scale(*ends), axis=_log_axis(*ends, format=".0e"))
    y = alt.Y("value:Q", title=f"validation {score}", scale=alt.Scale(zero=False))
    others = base.mark_point(color=QUIET, opacity=0.35, size=14, filled=True).encode(x=x, y=y)
    points = mine.mark_point(size=50, filled=True, opacity=0.9, color=HUE).encode(
        x=x,
        y=y,
        shape=alt.Shape(
            "state:N",
            scale=alt.Scale(domain=["complete", "pruned", "diverged"], range=["circle", "cross", "triangle-down"]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("trial:Q"),
            alt.Tooltip("learning_rate:Q", title=scale, format=".2e"),
            alt.Tooltip("warmup_ratio:Q", title="warm-up ratio", format=".3f"),
            alt.Tooltip("value:Q", title=score, format=".4f"),
            alt.Tooltip("state:N"),
        ],
    )
    ring = (
        mine.transform_filter(alt.FieldEqualPredicate(field="chosen", equal=True))
        .mark_point(size=220, strokeWidth=1.5, color="currentColor")
        .encode(x=x, y=y)
    )
    edges = [
        mine.mark_rule(strokeDash=[4, 3], color=QUIET).encode(x=alt.X(f"min({end}):Q", title=scale))
        for end in ("low", "high")
    ]
    return specification(alt.layer(others, *edges, points, ring), height=150)


def curves(panel: Panel, data: str, colour: dict[str, str]) -> list[Chart]:
    """One chart a method: validation score after each epoch, a line a seed; the other methods in grey."""
    import altair as alt

    if panel.history.empty:
        return []
    base = alt.Chart(alt.NamedData(name=data))
    epochs = list(range(1, int(panel.history["epoch"].max()) + 1))  # left alone, a small chart has ticks between them
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(values=epochs[:: 1 + len(epochs) // 10], format="d"))
    y = alt.Y("value:Q", title=f"validation {panel.score}", scale=alt.Scale(zero=False))
    others = base.mark_line(color=QUIET, opacity=0.3, strokeWidth=1).encode(
        x=x, y=y, detail=[alt.Detail("method:N"), alt.Detail("seed:N")]
    )
    mine = (
        base.transform_filter(alt.FieldEqualPredicate(field="method", equal=METHOD))
        .mark_line(color=HUE, strokeWidth=2, point=alt.OverlayMarkDef(size=18, color=HUE))
        .encode(
            x=x,
            y=y,
            detail=alt.Detail("seed:N"),
            tooltip=[
                alt.Tooltip("seed:N"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("value:Q", title=panel.score, format=".4f"),
                alt.Tooltip("train_loss:Q", title="training loss", format=".4f"),
            ],
        )
    )
    drawn = specification(alt.layer(others, mine), height=150)
    return _for_each(dict.fromkeys(panel.history["method"]), drawn, colour)


def _for_each(methods: Iterable[str], drawn: dict[str, Any], colour: dict[str, str]) -> list[Chart]:
    """The drawing once a method, with its name and colour in their places."""
    text = json.dumps(drawn)
    return [
        Chart(
            name,
            json.loads(text.replace(json.dumps(METHOD), json.dumps(name)).replace(HUE, colour[name])),
            Shared(drawn, name, colour[name]),
        )
        for name in methods
    ]


def costs(panel: Panel, data: str, colour: dict[str, str]) -> list[Chart]:
    """Score with interval against training seconds and against trainable parameters; the frontier is labelled."""
    found = []
    for column, title, unit in (
        ("train_seconds", Text("cost_time"), "training time, s"),
        ("trainable_parameters", Text("cost_learns"), "trainable parameters"),
    ):
        known = panel.ranked.dropna(subset=[column])
        known = known[known[column] > 0]
        if len(known) > 1:
            found.append(Chart(title, _cost(panel.score, known, data, colour, column=column, unit=unit)))
    return found


def frontier(board: pd.DataFrame, column: str) -> list[str]:
    """Methods to which no other is both better and cheaper, from cheap to dear."""
    best, found = -math.inf, []
    for row in board.sort_values([column, "value"], ascending=[True, False], kind="stable").to_dict("records"):
        if row["value"] > best:
            best = row["value"]
            found.append(str(row["method"]))
    return found


def _cost(
    score: str, board: pd.DataFrame, data: str, colour: dict[str, str], *, column: str, unit: str
) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(alt.NamedData(name=data)).transform_filter(alt.FieldGTPredicate(field=column, gt=0))
    low, high = float(board[column].min()), float(board[column].max())
    # a quarter of the width on the left, where the names stand
    low, high = low / max(3.0, (high / low) ** 0.33), high * 1.4
    x = alt.X(f"{column}:Q", title=unit, scale=_log_scale(low, high), axis=_log_axis(low, high, format="~s"))
    y = alt.Y("value:Q", title=f"test {score}", scale=alt.Scale(zero=False))
    shown = board["method"].tolist()
    hue = alt.Color("method:N", scale=alt.Scale(domain=shown, range=[colour[name] for name in shown]), legend=None)
    tooltip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("value:Q", title=score, format=".4f"),
        alt.Tooltip("low:Q", format=".4f"),
        alt.Tooltip("high:Q", format=".4f"),
        alt.Tooltip(f"{column}:Q", title=unit, format=",.4~g"),
    ]
    interval = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        x=x, y=alt.Y("low:Q", title=f"test {score}", scale=alt.Scale(zero=False)), y2="high:Q", color=hue
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x=x, y=y, color=hue, tooltip=tooltip)
    names = frontier(board, column)
    steps = (
        base.transform_filter(alt.FieldOneOfPredicate(field="method", oneOf=names))
        .mark_line(interpolate="step-after", color=QUIET, strokeDash=[4, 3], strokeWidth=1)
        .encode(x=x, y=y)
    )
    labels = (
        alt.Chart(alt.InlineData(values=_labels(board, column, names)))
        .mark_text(align="right", baseline="bottom", dx=-8, fontWeight=600)
        .encode(x=x, y=y, text="method:N", color=hue)
    )
    return specification(alt.layer(steps, interval, points, labels), height=COST_HEIGHT)


def _labels(board: pd.DataFrame, column: str, names: list[str]) -> list[dict[str, Any]]:
    """Where the frontier's names stand: left of their points and pushed up until none covers another.

    Left and up of a frontier nothing else can lie.
    """
    rows = board.set_index("method")
    spread = float(board["high"].fillna(board["value"]).max() - board["low"].fillna(board["value"]).min())
    gap = spread * 15 / COST_HEIGHT  # the height of a line of text, in units of the score
    found, floor = [], -math.inf
    for name in names:
        value = max(float(rows.loc[name, "value"]), floor)  # type: ignore[arg-type]
        found.append({"method": name, column: float(rows.loc[name, column]), "value": value})  # type: ignore[arg-type]
        floor = value + gap
    return found


def specification(chart: alt.LayerChart | alt.FacetChart, *, height: int) -> dict[str, Any]:
    return chart.properties(width="container", height=height).configure(**CONFIG).to_dict()


def _log_scale(low: float, high: float) -> alt.Scale:
    import altair as alt

    return alt.Scale(type="log", domain=[low, high], nice=False)


def _log_axis(low: float, high: float, *, format: str) -> alt.Axis:
    """Ticks at powers of ten; where fewer than two would show, at 1, 2 and 5 times them."""
    import altair as alt

    def inside(factors: tuple[int, ...]) -> list[float]:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [tick for power in powers for factor in factors if low <= (tick := factor * 10.0**power) <= high]

    ticks = inside((1,))
    return alt.Axis(format=format, values=ticks if len(ticks) > 1 else inside((1, 2, 5)), labelOverlap=True)


CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": "currentColor",
        "domainOpacity": 0.4,
        "gridColor": "currentColor",
        "gridOpacity": 0.12,
        "labelColor": "currentColor",
        "labelFontSize": 11,
        "tickColor": "currentColor",
        "tickOpacity": 0.4,
        "titleColor": "currentColor",
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
}
