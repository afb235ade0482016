"""The tables of docs/performance.md, written between two marks; the words around them are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

START, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"


def write(found: dict[str, Any], path: Path) -> None:
    """Put the tables of a run between the marks. Raises ValueError where the page lacks them."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{path}: the marks for the tables are missing")
    path.write_text(f"{before}{START}\n\n{tables(found)}\n{END}{after}", encoding="utf-8")


def tables(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [
        f"Measured by `make bench` on {found['hardware']} ({found['cores']} cores) in {found['minutes']:.0f} minutes;",
        f"{versions}.",
        "",
        *_table(["what", "target", "measured", "met"],
                [[t["name"], t["target"], f"{t['measured']:.3g}", "yes" if t["met"] else "**no**"]
                 for t in found["targets"]]),
        "",
        "Training step, as ratios within one run (tuning, text, precision):",
        "",
        *_table(["cell", "÷ Trainer's defaults", "÷ its best settings", "share of peak", "its best: share"],
                [_step_row(key, entry) for key, entry in found["raw"]["step"].items()]),
        "",
        "Prediction, tokenizing included:",
        "",
        *_table(["cell", "÷ pipeline", "÷ sentence-transformers (embeddings alone)"],
                [_inference_row(key, entry) for key, entry in found["raw"]["inference"].items()]),
    ]  # fmt: skip
    return "\n".join(lines)


def _step_row(key: str, entry: dict[str, Any]) -> list[str]:
    ours = entry["tuneproof"]
    return [
        key,
        f"{ours['examples_per_second'] / entry['trainer']['examples_per_second']:.2f}",
        f"{ours['examples_per_second'] / entry['trainer-best']['examples_per_second']:.2f}",
        f"{ours['share_of_peak']:.0%}",
        f"{entry['trainer-best']['share_of_peak']:.0%}",
    ]


def _inference_row(key: str, entry: dict[str, float]) -> list[str]:
    peer = entry.get("sentence-transformers")
    return [
        key,
        f"{entry['tuneproof'] / entry['pipeline']:.2f}",
        "" if peer is None else f"{entry['tuneproof'] / peer:.2f}",
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]
