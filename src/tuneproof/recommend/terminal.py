"""Tables for the terminal: on a narrow one fewer columns; in a pipe, and with NO_COLOR, plain text."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from tuneproof.report.tables import amount, duration, number, rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tuneproof.imported import Entry
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


def leaderboard(panel: Panel, leaders: list[str], width: int, top: int | None = None) -> Table:
    """One data set and model: methods (the `top` ones, or all) best first, those that may be the best in bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = [("method", "left"), (panel.score, "right"), ("interval", "left"), ("group", "left")]
    columns += [("train time", "right")] if width >= NARROW else []
    columns += [("memory", "right"), ("learns", "right"), ("seeds", "right")] if width >= WIDE else []
    for title, justify in columns:
        table.add_column(Text(title), justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows(panel.ranked)[:top]:
        interval = f"{number(row['low'])}–{number(row['high'])}" if row["low"] is not None else "–"
        memory = f"{amount(1e6 * row['peak_memory_mb'])}B" if row["peak_memory_mb"] is not None else "–"
        cells = [row["method"], number(row["value"]), interval, row["group"] or "–"]
        cells += [duration(row["train_seconds"])]
        cells += [memory, amount(row["trainable_parameters"]), str(row["seeds"] or "–")]
        style = "bold" if row["method"] in leaders else ""
        table.add_row(*(Text(str(cell)) for cell in cells[: len(columns)]), style=style)
    return table


def answers(found: list[dict[str, Any]]) -> Table:
    """Answers of `ready.predict`: a row a text, or (ner) a row an entity."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in _titles(found[0]):
        table.add_column(title, overflow="fold", justify="right" if title in ("confidence", "value") else "left")
    for entry in found:
        for cells in _cells(entry):
            table.add_row(*(Text(_plain(cell)) for cell in cells))
    return table


def _titles(entry: dict[str, Any]) -> list[str]:
    pair = ["text"] if "text_pair" not in entry else ["text", "second text"]
    if "entities" in entry:
        return ["text", "type", "entity", "confidence"]
    return [*pair, "value"] if "value" in entry else [*pair, "label", "confidence"]


def _cells(entry: dict[str, Any]) -> list[list[str]]:
    shown = [entry[name] for name in ("text", "text_pair") if name in entry]
    if "value" in entry:
        return [[*shown, f"{entry['value']:.4g}"]]
    if "entities" not in entry:
        return [[*shown, entry["label"], number(entry["confidence"])]]
    found = [[e["type"], e["text"], number(e["confidence"])] for e in entry["entities"]] or [["–", "–", "–"]]
    return [[entry["text"] if place == 0 else "", *cells] for place, cells in enumerate(found)]


def _plain(text: str) -> str:
    """What a text holds must not steer the terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))


def beside(entries: list[Entry], ours: list[dict[str, Any]]) -> Table:
    """Imported results and ours in one table, best first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("from", "experiment", "method", "model", "accuracy", "interval", "train time", "memory"):
        right = title in ("accuracy", "train time", "memory")
        table.add_column(title, overflow="fold", justify="right" if right else "left")
    found = [{"from": "elsewhere", **entry._asdict()} for entry in entries]
    found += [{"from": "ours", "experiment": "–", **row} for row in ours]
    for row in sorted(found, key=lambda row: -row["value"]):
        interval = "–" if row["low"] is None else f"{number(row['low'])}–{number(row['high'])}"
        memory = "–" if row["peak_memory_mb"] is None else f"{amount(1e6 * row['peak_memory_mb'])}B"
        cells = [row["from"], row["experiment"], row["method"], row["model"], number(row["value"]), interval]
        cells += [duration(row["train_seconds"]), memory]
        table.add_row(*(Text(_plain(str(cell))) for cell in cells))
    return table
