"""`tuneproof power A B`: what it would take to tell two methods apart, from the stored comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.errors import TuneproofError
from tuneproof.evaluate.across import table
from tuneproof.statistics.power import Parts, needed

SHOWN = (1, 2, 5, 10)
"""The grid of what would be detectable: so many times the rows and the seeds."""


def report(a: str, b: str, results: Path, *, dataset: str | None, model: str | None, difference: float | None) -> str:
    """A paragraph for each data set and model that both ran on.

    `difference` is the true difference that is to be shown; the one that was found where not given. Raises
    `TuneproofError` where the two were compared nowhere.
    """
    found = sorted((results / "evaluate").glob("*/*/comparisons.csv"))
    parts, names = [], set()
    for path in found:
        if dataset not in (None, path.parts[-3]) or model not in (None, path.parts[-2]):
            continue
        frame = table(path)
        if frame is None:
            continue
        names |= {*frame["a"], *frame["b"]}
        for row in frame.to_dict("records"):
            if {row["a"], row["b"]} == {a, b}:
                settings = results / "settings" / "evaluate" / path.parts[-3] / f"{path.parts[-2]}.json"
                confidence = files.read_json(settings)["evaluation"]["confidence"]
                parts.append("\n".join(_lines(row, difference, confidence)))
    if not parts:
        compared = ", ".join(sorted(names)) or "nothing"
        raise TuneproofError(f"power: {a} and {b} were not compared with each other; compared here: {compared}")
    return "\n\n".join(parts)


def _lines(row: dict[Any, Any], difference: float | None, confidence: float) -> Iterator[str]:
    where, level = f"{row['dataset']}/{row['model']}", 1 - confidence
    yield (
        f"{where}: {row['a']} − {row['b']} = {row['difference']:+.4g} {row['score']}"
        f" [{row['low']:+.4g}, {row['high']:+.4g}], p = {row['p']:.3g}"
        if not math.isnan(row["p"])
        else f"{where}: {row['a']} − {row['b']}: {row['note']}"
    )
    found = Parts(row["variance_rows"], row["variance_seeds"], row["variance_both"])
    if any(math.isnan(part) for part in found):
        yield f"  what it would take: {row['needed_note']}"
        return
    rows, seeds = int(row["rows"]), int(row["seeds"])
    wanted = abs(row["difference"] if difference is None else difference)
    need = needed(found, wanted, rows=rows, seeds=seeds, confidence=confidence)
    yield f"  to show a true difference of {wanted:.4g} with 80 % power at the {level:.0%} level (these two alone):"
    yield f"    seeds, on these {rows} rows: {need.seeds or 'no number'}"
    yield f"    test rows, with these {seeds} seeds: {need.rows or 'no number'}"
    if need.note:
        yield f"    {need.note}"
    yield f"  smallest difference that is shown so, by seeds and test rows (now {seeds} and {rows}):"
    columns = [rows * times for times in SHOWN]
    yield "    " + "seeds".rjust(8) + "".join(f"{count:>10}" for count in columns)
    for count in sorted({max(2, seeds * times) for times in SHOWN}):
        shown = "".join(f"{found.detectable(column, count, confidence):>10.4f}" for column in columns)
        yield f"    {count:>8}{shown}"
