"""Tables for the terminal: on a narrow one fewer columns; in a pipe, and with NO_COLOR, plain text."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tuneproof.report.tables import amount, duration, number, rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tuneproof.report.panels import Panel

PIPE = 120
"""Columns where no terminal tells how many it has."""
NARROW, WIDE = 62, 96
"""Columns from which on costs, and then all of them, are shown."""


def console() -> Console:
    """Standard output; rich itself heeds NO_COLOR, COLUMNS and whether it is a terminal."""
    from rich.console import Console

    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if told else PIPE)


def leaderboard(panel: Panel, leaders: list[str], width: int) -> Table:
    """One data set and model: methods best first, those that may be the best in bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = [("method", "left"), (panel.score, "right"), ("interval", "left"), ("group", "left")]
    columns += [("train time", "right")] if width >= NARROW else []
    columns += [("memory", "right"), ("learns", "right"), ("seeds", "right")] if width >= WIDE else []
    for title, justify in columns:
        table.add_column(Text(title), justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows(panel.ranked):
        interval = f"{number(row['low'])}–{number(row['high'])}" if row["low"] is not None else "–"
        memory = f"{amount(1e6 * row['peak_memory_mb'])}B" if row["peak_memory_mb"] is not None else "–"
        cells = [row["method"], number(row["value"]), interval, row["group"] or "–"]
        cells += [duration(row["train_seconds"])]
        cells += [memory, amount(row["trainable_parameters"]), str(row["seeds"] or "–")]
        style = "bold" if row["method"] in leaders else ""
        table.add_row(*(Text(str(cell)) for cell in cells[: len(columns)]), style=style)
    return table
