"""Sections of a data set's tab that appear where their table exists below `evaluate/`: what is shown of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.report import charts, extra_charts
from tuneproof.report.addresses import addressed
from tuneproof.report.embed import records
from tuneproof.report.results import rows

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results

SHOWN = 60
"""Rows that the page shows; the table has all."""
LONGEST = 400
"""Characters of a test row's text that the page shows."""
NAMES = ("dataset", "model", "split", "kind")
"""Columns that say where the reader is already."""


class Extra(NamedTuple):
    """A section: charts, and a table of at most SHOWN rows; title and caption are the texts `extra_NAME[_how]`."""

    name: str
    path: str
    columns: list[str]
    rows: list[tuple[dict[str, Any], dict[str, str]]]
    """Each row, and its numbers' addresses by column."""
    total: int
    figures: list[tuple[str, str]]
    numbers: set[str]
    """Columns that hold numbers."""


def found(panel: Panel, key: str, colour: dict[str, str], drawn: charts.Drawn, results: Results) -> list[Extra]:
    """The sections of one data set and model whose tables are there."""
    made = []
    for name, shown in TABLES.items():
        parts = ("evaluate", panel.dataset, panel.model, f"{name}.csv")
        table = results.csv(*parts)
        if table is None or table.empty:
            continue
        part = shown(table, panel, results)
        columns = [str(c) for c in part.columns if c not in NAMES and part[c].notna().any()]
        figures: list[tuple[str, str]] = []
        if name in extra_charts.CHARTS:
            data = f"{key}-{name}"
            charted, drawings = extra_charts.CHARTS[name](table, panel, data, colour)
            figures = drawn.add(data, records(charted) if drawings else [], drawings)
        listed = rows(part.head(SHOWN))
        numbers = {column for column in columns if any(_number(row[column]) for row in listed)}
        places = [{column: addressed(name, row, column, table, panel) for column in columns} for row in listed]
        made.append(
            Extra(name, "/".join(parts), columns, list(zip(listed, places, strict=True)), len(part), figures, numbers),
        )
    return made


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_it_is(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    return table


def _by_measure(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    """A row a method: the mean over seeds of each measure."""
    wide = table.pivot_table(index="method", columns="measure", values="value", sort=False)
    return _ranked(wide.reset_index(), panel)


def _calibration(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    """A row a method: each measure as it is and, as `… scaled`, after temperature scaling; over all seeds."""
    over = table[table["seed"].isna()] if "seed" in table else table
    names = over["measure"].where(over["scaling"] != "temperature", over["measure"] + " scaled")
    wide = over.assign(measure=names).pivot_table(index="method", columns="measure", values="value", sort=False)
    return _ranked(wide.reset_index(), panel)


def _robustness(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    """A row a method: its score on the rows as they are, and how much each shift costs."""
    mine = table[table["score"] == panel.score]
    wide = mine.pivot_table(index="method", columns="challenge", values="drop", sort=False)
    wide.insert(0, "unchanged", mine.groupby("method")["unchanged"].first())
    return _ranked(wide.reset_index(), panel)


def _entities(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    """A row a method: all types together."""
    wide = table[table["type"] == "all"].pivot_table(index="method", columns="measure", values="value", sort=False)
    return _ranked(wide.reset_index(), panel)


def _mistakes(table: pd.DataFrame, panel: Panel, results: Results) -> pd.DataFrame:
    """Those of the first methods of the ranking, with the row's text."""
    table = table[table["id"].notna()]
    order = {method: place for place, method in enumerate(panel.ranked["method"])}
    table = table.assign(place=table["method"].map(order)).sort_values(["rank", "place"], kind="stable")
    texts = row_texts(results.frame("prepare", panel.dataset, "test.parquet"))
    columns = [column for column in table.columns if column not in ("id", "place", "note")]
    return table.assign(text=table["id"].map(texts))[[*columns, "text"]]


def row_texts(frame: pd.DataFrame | None) -> dict[str, str]:
    """Id → the row's text, shortened."""
    if frame is None:
        return {}
    columns = [column for column in ("text", "text_pair") if column in frame]
    texts = frame["tokens"].map(" ".join) if "tokens" in frame else frame[columns].agg(" ⏐ ".join, axis=1)
    short = [text if len(text) <= LONGEST else text[:LONGEST] + " …" for text in texts]
    return dict(zip(frame["id"], short, strict=True))


def _ranked(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """In the order of the leaderboard."""
    order = {method: place for place, method in enumerate(panel.ranked["method"])}
    return frame.sort_values("method", key=lambda names: names.map(order), kind="stable", ignore_index=True)


TABLES: dict[str, Callable[[pd.DataFrame, Panel, Results], pd.DataFrame]] = {
    "entities": _entities,
    "calibration": _calibration,
    "reliability": lambda table, panel, results: table.head(0),
    "risk_coverage": lambda table, panel, results: table.head(0),
    "confusion": lambda table, panel, results: table.head(0),
    "mistakes": _mistakes,
    "robustness": _robustness,
    "checks": _as_it_is,
    "transfer": _as_it_is,
    "attack": _as_it_is,
    "forgetting": _by_measure,
    "slices": _as_it_is,
    "ensembles": _as_it_is,
}
"""Table → the part of it that the page shows as a table, in the order of the sections."""
