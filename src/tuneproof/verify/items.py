"""What was checked, one item a thing: same, differs (by how much), or missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class Item(NamedTuple):
    """One line of the outcome."""

    outcome: Literal["same", "differs", "missing"]
    what: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.outcome:<8} {self.what}" + (f" ({self.detail})" if self.detail else "")


def by_hash(what: str, path: Path, recorded: str | None) -> Item:
    """A file against the sha256 that something wrote down."""
    if not path.is_file():
        return Item("missing", what, "file not found")
    if recorded is None:
        return Item("missing", what, "no sha256 was recorded; run again to have one")
    found = files.sha256(path)
    return Item("same", what) if found == recorded else Item("differs", what, f"sha256 {found[:12]}, {recorded[:12]}")


def by_bytes(what: str, stored: Path, again: Path) -> Item:
    """A stored file against the one that was made again, and where they part."""
    if not stored.is_file():
        return Item("missing", what, "file not found")
    if not again.is_file():
        return Item("missing", what, "was not made again")
    if stored.read_bytes() == again.read_bytes():
        return Item("same", what)
    return Item("differs", what, _where(stored, again))


def by_value(what: str, stored: float | None, again: float | None) -> Item:
    """A number against the one that was computed again; both undefined counts as same."""
    stored, again = (None if value is None or math.isnan(value) else value for value in (stored, again))
    if stored == again:
        return Item("same", what, "not defined" if stored is None else f"{stored:.6g}")
    if stored is None or again is None:
        return Item("differs", what, f"stored {stored}, again {again}")
    return Item("differs", what, f"stored {stored:.6g}, again {again:.6g}, by {again - stored:+.6g}")


def summary(items: list[Item]) -> str:
    """The last line: the word `verified` stands first only where every item is the same."""
    counts = {outcome: sum(item.outcome == outcome for item in items) for outcome in ("differs", "missing")}
    if not items:
        return "not verified: nothing was found to check"
    if not any(counts.values()):
        return f"verified: {len(items)} items, all the same"
    return f"not verified: {len(items)} items, {counts['differs']} differing, {counts['missing']} missing"


def _where(stored: Path, again: Path) -> str:
    """How two files with different bytes differ, by their kind."""
    try:
        if stored.suffix == ".parquet":
            return frames(files.read_frame(stored), files.read_frame(again))
        if stored.suffix == ".json":
            return next(_json(files.read_json(stored), files.read_json(again)), "only in how it is written")
    except DataError as error:
        return str(error)
    one, other = stored.read_bytes().splitlines(), again.read_bytes().splitlines()
    line = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"from line {line + 1} of {len(one)} on"


def frames(stored: pd.DataFrame, again: pd.DataFrame) -> str:
    """How two tables differ: columns, rows, or cells and the largest difference of numbers."""
    if list(stored.columns) != list(again.columns):
        return f"columns {', '.join(map(str, stored.columns))}; again {', '.join(map(str, again.columns))}"
    if len(stored) != len(again):
        return f"{len(stored)} rows; again {len(again)}"
    parts = []
    for column in stored.columns:
        pairs = [(_plain(a), _plain(b)) for a, b in zip(stored[column], again[column], strict=True)]
        count = sum(a != b for a, b in pairs)
        if count:
            largest = max((_distance(a, b) for a, b in pairs), default=0.0)
            by = f", by up to {largest:.3g}" if 0 < largest < math.inf else ""
            parts.append(f"{column}: {count} of {len(stored)} rows{by}")
    return "; ".join(parts) or "only in how it is written"


def largest_difference(stored: pd.DataFrame, again: pd.DataFrame, column: str) -> float:
    """Of a column of numbers or lists of numbers; ∞ where they are not comparable."""
    pairs = zip(stored[column], again[column], strict=True)
    return max((_distance(_plain(a), _plain(b)) for a, b in pairs), default=0.0)


def _plain(value: Any) -> Any:
    """Arrays as lists, at any depth; NaN and pandas' NA as None, so that it equals itself."""
    import pandas as pd

    if value is pd.NA:
        return None
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _distance(a: Any, b: Any) -> float:
    if a == b:
        return 0.0
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((_distance(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    return abs(a - b) if isinstance(a, float | int) and isinstance(b, float | int) else math.inf


def _json(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Places at which two JSON values part."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _json(a.get(key), b.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _json(x, y, f"{where}[{place}]")
    elif a != b:
        yield f"{where or 'content'}: {str(a)[:60]}; again {str(b)[:60]}"
