"""The tables of docs/performance.md, written between two marks; the words around them are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuneproof import files

START, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"


def write(found: dict[str, Any], path: Path) -> None:
    """Put the tables of a run between the marks. Raises ValueError where the page lacks them."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{path}: the marks for the tables are missing")
    files.write_text(path, f"{before}{START}\n\n{tables(found)}\n\n{END}{after}")


def tables(found: dict[str, Any]) -> str:
    """Targets, training steps and predictions of `Record.content`."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    raw = found["raw"]
    lines = [
        f"Measured by `make bench` on {found['hardware']} ({found['cores']} cores) in {found['minutes']:.0f} minutes;",
        f"{versions}.",
        "",
        *_table(["what", "target", "measured", "met"], [_target_row(line) for line in found["targets"]]),
        "",
        "Training step, as ratios within one run (precision, tuning, text):",
        "",
        *_table(
            ["cell", "× Trainer's defaults (fp32)", "× its best settings", "share of peak", "its best: share"],
            [_step_row(key, entry, raw["step"]) for key, entry in raw.get("step", {}).items()],
        ),
        "",
        "Prediction, tokenizing included:",
        "",
        *_table(
            ["cell", "× pipeline", "× sentence-transformers (embeddings alone)"],
            [_inference_row(key, entry) for key, entry in raw.get("inference", {}).items()],
        ),
    ]
    return "\n".join(lines)


def _target_row(line: dict[str, Any]) -> list[str]:
    if line["measured"] is None:
        return [line["name"], line["target"], "", f"**failed**: {line['failed'].replace('|', '/')}"]
    return [line["name"], line["target"], f"{line['measured']:.3g}", "yes" if line["met"] else "**no**"]


def _step_row(key: str, entry: dict[str, Any], all_entries: dict[str, Any]) -> list[str]:
    ours = entry["tuneproof"]["examples_per_second"]
    plain = all_entries.get(f"fp32/{key.partition('/')[2]}")
    return [
        key,
        "" if plain is None else f"{ours / plain['trainer']['examples_per_second']:.2f}",
        f"{ours / entry['trainer-best']['examples_per_second']:.2f}",
        f"{entry['tuneproof']['share_of_peak']:.0%}",
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
