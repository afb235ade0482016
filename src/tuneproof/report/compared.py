"""Who can be told apart from whom: places that a method may have, and all pairs at a glance."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.report.results import rows
from tuneproof.report.words import number, p_value

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

LETTERS = 6
"""Letters of one method that can be told at a glance."""


def lettered(panel: Panel) -> bool:
    """Whether the group letters say at a glance who differs: they are there, and few."""
    groups = panel.ranked["group"]
    return all(isinstance(group, str) and len(group) <= LETTERS for group in groups)


def places(panel: Panel) -> dict[str, str]:
    """Method → the places that it may have by what the comparisons tell: `1–4`.

    It stands behind all that are better by more than chance explains, and before all that are worse.
    """
    names = panel.ranked["method"].tolist()
    apart = [row for row in rows(panel.comparisons) if row["distinguishable"]]
    above, below = Counter(row["b"] for row in apart), Counter(row["a"] for row in apart)
    found = {}
    for name in names:
        first, last = 1 + above[name], len(names) - below[name]
        found[name] = f"{first}–{last}" if first < last else str(first)
    return found


class Pair(NamedTuple):
    """A cell of the matrix of comparisons: places of the better and the other method, from 0."""

    better: int
    other: int
    apart: bool
    told: str


def matrix(panel: Panel) -> list[Pair]:
    """All comparisons by place in the ranking."""
    place = {name: place for place, name in enumerate(panel.ranked["method"])}
    return [
        Pair(
            place[row["a"]],
            place[row["b"]],
            bool(row["distinguishable"]),
            f"{row['a']} before {row['b']} by {number(row['difference'])}, p {p_value(row['p_holm'])}",
        )
        for row in rows(panel.comparisons)
        if row["a"] in place and row["b"] in place
    ]


SQUARE = 13
"""Pixels of the matrix from one square to the next."""


def squares(pairs: list[Pair]) -> dict[str, str]:
    """`apart` and `close`: the matrix as two SVG paths, so that 20,000 pairs stay a few kilobytes.

    A run of neighbouring squares of one row is one horizontal stroke; a dash pattern of the style cuts it up.
    """
    found = {}
    for name, wanted in (("apart", True), ("close", False)):
        runs: list[tuple[int, int, int]] = []
        for row, column in sorted((pair.better, pair.other) for pair in pairs if pair.apart is wanted):
            if runs and runs[-1][0] == row and runs[-1][2] == column:
                runs[-1] = (row, runs[-1][1], column + 1)
            else:
                runs.append((row, column, column + 1))
        strokes = [f"M{start * SQUARE} {row * SQUARE}h{(end - start) * SQUARE}" for row, start, end in runs]
        found[name] = "".join(strokes)
    return found
