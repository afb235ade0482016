"""The leaderboard as Markdown and as LaTeX tables (booktabs), with the verdict of each data set and model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report import tables
from tuneproof.report.markdown import latex as tex
from tuneproof.report.markdown import markdown as md
from tuneproof.report.markdown import table
from tuneproof.report.tables import amount, duration, number, rows

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

COLUMNS = ("method", "score", "interval", "group", "train time", "memory", "learns", "seeds")
RIGHT = (1, 4, 5, 6, 7)
"""Places of the columns that hold numbers."""
GROUPS = "Methods with a letter in common cannot be told apart."


def markdown(settings: dict[str, Any], panels: list[Panel], *, confidence: float) -> str:
    """report.md: for each data set and model the verdict, the leaderboard, warnings, and what was left out."""
    lines = [f"# {md(settings['title'])}", ""]
    for panel in panels:
        answer = tables.verdict(panel, confidence=confidence)
        lines += [f"## {md(panel.dataset)} · {md(panel.model)}", "", f"**{md(answer.sentence)}**", ""]
        lines += [md(answer.basis), ""] if answer.basis else []
        if len(panel.ranked):
            columns = [md(panel.score) if name == "score" else name for name in COLUMNS]
            lines += [*table(columns, [[md(cell) for cell in row] for row in _cells(panel)], right=RIGHT), ""]
            lines += [f"{GROUPS} Interval: {confidence:.0%}.", ""]
        notes = [str(note) for note in (*panel.absent, *panel.warnings)]
        declared = [entry for entry in settings["left_out"] if _is_here(entry, panel)]
        notes += [f"{entry['method']}: left out: {entry['reason']}" for entry in (*declared, *panel.left_out)]
        lines += [*(f"- {md(note)}" for note in notes), *([""] if notes else [])]
    return "\n".join(lines).rstrip("\n") + "\n"


def latex(panels: list[Panel], *, confidence: float) -> str:
    """leaderboard.tex: a table a data set and model, for `\\input`; needs the package booktabs."""
    lines = ["% Needs \\usepackage{booktabs}."]
    for panel in panels:
        if panel.ranked.empty:
            continue
        seeds = panel.ranked["seeds"].max()
        caption = (
            f"{tex(panel.dataset)} ({tex(panel.model)}): {tex(panel.score)} on the test split with "
            f"{tex(f'{confidence:.0%}')} intervals"
        )
        caption += f", mean over {seeds} seeds" if seeds == seeds and seeds > 1 else ""
        align = "".join("r" if place in RIGHT else "l" for place in range(len(COLUMNS)))
        titles = [tex(panel.score) if name == "score" else name for name in COLUMNS]
        lines += ["\\begin{table}", "  \\centering", f"  \\caption{{{caption}. {GROUPS}}}"]
        lines += [
            f"  \\label{{tab:{panel.dataset}-{panel.model}}}",
            f"  \\begin{{tabular}}{{{align}}}",
            "    \\toprule",
        ]
        lines += [f"    {' & '.join(titles)} \\\\", "    \\midrule"]
        lines += [f"    {' & '.join(tex(cell) for cell in row)} \\\\" for row in _cells(panel)]
        lines += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def _cells(panel: Panel) -> list[list[str]]:
    """Best first, the columns of `COLUMNS`."""
    return [
        [
            str(row["method"]),
            number(row["value"]),
            "–" if row["low"] is None else f"{number(row['low'])}–{number(row['high'])}",
            row["group"] or "–",
            duration(row["train_seconds"]),
            "–" if row["peak_memory_mb"] is None else f"{amount(1e6 * row['peak_memory_mb'])}B",
            amount(row["trainable_parameters"]),
            str(row["seeds"] or "–"),
        ]
        for row in rows(panel.ranked)
    ]


def _is_here(entry: dict[str, str], panel: Panel) -> bool:
    return (entry["dataset"], entry["model"]) == (panel.dataset, panel.model)
