"""The addresses of the numbers in a data set's further tables, as `tuneproof trace` understands them.

A table on the page may be wider than its file: a column is then a measure, or a shift, that has rows of its own there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tuneproof.trace.figures import NAMES, name

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel

Row = dict[str, Any]
Words = Callable[[Row, str, "pd.DataFrame", str], list[list[str]]]
"""Row of the page's table, column, the file's table and the primary score → what follows the method in each address."""


def addressed(table: str, row: Row, column: str, stored: pd.DataFrame, panel: Panel) -> str:
    """What follows the colon in the address of a number, or in those of what it is the mean of, with `|` between them.

    Empty where the cell holds no number that has one.
    """
    value = row[column]
    if (
        table not in WORDS
        or column in (*NAMES, "rank")
        or isinstance(value, bool)
        or not isinstance(value, int | float)
    ):
        return ""
    above = (panel.dataset, panel.model, str(row["method"]))
    return "|".join("/".join((*above, *words)) for words in WORDS[table](row, column, stored, panel.score))


def _named_by(*keys: str) -> Words:
    """The columns that name a row, and last the column itself."""
    return lambda row, column, stored, score: [[*(name(key, str(row[key])) for key in keys), column]]


def _calibration(row: Row, column: str, stored: pd.DataFrame, score: str) -> list[list[str]]:
    measure = column.removesuffix(" scaled")
    scaling = "none" if measure == column else "temperature"
    return [["all", scaling, measure, "value"]]


def _forgetting(row: Row, column: str, stored: pd.DataFrame, score: str) -> list[list[str]]:
    """One for each seed that the mean is of."""
    mine = stored[(stored["method"] == row["method"]) & (stored["measure"] == column) & stored["value"].notna()]
    return [[name("seed", str(seed)), column] for seed in mine["seed"]]


def _robustness(row: Row, column: str, stored: pd.DataFrame, score: str) -> list[list[str]]:
    """The score of unchanged rows stands in each row of the file: that of the first shift is named."""
    if column != "unchanged":
        return [[column, score, "drop"]]
    mine = stored[(stored["method"] == row["method"]) & (stored["score"] == score) & stored["unchanged"].notna()]
    return [[str(mine["challenge"].iloc[0]), score, "unchanged"]]


WORDS: dict[str, Words] = {
    "entities": lambda row, column, stored, score: [["all", name("measure", column), "value"]],
    "calibration": _calibration,
    "mistakes": _named_by("rank"),
    "robustness": _robustness,
    "checks": _named_by("seed", "check"),
    "transfer": _named_by("test_on", "score"),
    "attack": _named_by("seed"),
    "forgetting": _forgetting,
    "slices": _named_by("slice"),
    "ensembles": _named_by(),
}
