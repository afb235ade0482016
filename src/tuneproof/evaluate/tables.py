"""Tables with documented columns, each as CSV for people and as Parquet, with types, for programs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuneproof.files import write_csv, write_frame

DIGITS = 6
"""Significant digits of every number: more than any test set supports, few enough to hide the order of summation."""

TEXT, NUMBER, COUNT, TRUTH = "string", "Float64", "Int64", "boolean"
"""Types of columns; each has missing cells, empty in CSV."""

NEGATIVE = re.compile(r"-\d+(\.\d+)?(e-?\d+)?")


def write(folder: Path, name: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    """Write `name.csv` and `name.parquet`. `columns`: name → type, in order; a row without a column's key lacks it.

    Equal rows give equal bytes.
    """
    import pandas as pd

    cells = {column: [_cell(row.get(column)) for row in rows] for column in columns}
    write_csv(folder / f"{name}.csv", pd.DataFrame(cells, columns=list(columns), dtype=object))
    typed = {column: pd.array(values, dtype=columns[column]) for column, values in cells.items()}  # type: ignore[call-overload]
    write_frame(folder / f"{name}.parquet", pd.DataFrame(typed, columns=list(columns)))


def rounded(value: float | None) -> float | None:
    """Six significant digits; None for NaN."""
    return None if value is None or math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _cell(value: Any) -> Any:
    """None for NaN and for the empty text, which CSV does not tell apart from nothing.

    A text out of data (an entity type) never starts as a spreadsheet's formula does: an apostrophe comes before it. A
    negative number is none.
    """
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not NEGATIVE.fullmatch(value):
        return f"'{value}"
    return None if value == "" or (isinstance(value, float) and math.isnan(value)) else value
