"""What was found inside the models of a cell, against what is found again: bit for bit on the machine of the run.

Elsewhere rounding differs: numbers may lie a little apart, and an attack may take another of two words that are nearly
as good, so that its successes are compared as a share.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files
from tuneproof.challenge import INSIDE
from tuneproof.errors import DataError
from tuneproof.verify.items import Item, by_bytes, frames, largest_difference

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = {"value": 0.05, "output": 0.05, "remainder": 0.05, "cosine": 1e-3}
"""Column → how far two numbers may lie apart on another machine."""
SHARE = 0.1
"""How far the shares of attacks that succeed may."""


def tables(stored: Path, again: Path, elsewhere: str) -> Iterator[Item]:
    """Each table in the folder of a cell; `elsewhere` says in what this machine differs from that of the run."""
    for name in INSIDE:
        file = f"{name}.parquet"
        item = by_bytes(str(stored / file), stored / file, again / file)
        if item.outcome == "differs" and elsewhere:
            try:
                near = _attacks if name == "attack" else _near
                told = near(files.read_frame(stored / file), files.read_frame(again / file))
            except DataError as error:
                told = str(error)
            outcome = Item("same", item.what, f"by rounding: {elsewhere}")
            item = outcome if told is None else item._replace(detail=f"{told}; {elsewhere}")
        yield item


def _near(stored: pd.DataFrame, again: pd.DataFrame) -> str | None:
    """How two tables differ by more than rounding, or None."""
    numbers = [column for column in stored.columns if column in TOLERANCE]
    told = frames(stored.drop(columns=numbers), again.drop(columns=numbers, errors="ignore"))
    if told != "only in how it is written":
        return told
    for column in numbers:
        apart = largest_difference(stored, again, column)
        if apart > TOLERANCE[column]:
            return f"{column}: by up to {apart:.3g}"
    return None


def _attacks(stored: pd.DataFrame, again: pd.DataFrame) -> str | None:
    told = frames(stored[["seed", "id", "words"]], again[["seed", "id", "words"]])
    if told != "only in how it is written":
        return told
    shares = [float(frame["success"].astype(float).mean()) for frame in (stored, again)]
    return f"successes: {shares[0]:.3g}, again {shares[1]:.3g}" if abs(shares[0] - shares[1]) > SHARE else None
