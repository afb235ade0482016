"""The answer in a sentence: for one data set and model, and over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneproof.report.results import rows
from tuneproof.report.texts import Text, counted
from tuneproof.report.words import duration, number, some

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.report.panels import Panel


class Verdict(NamedTuple):
    """The answer for one panel: a sentence, what it rests on, and who may be the best."""

    sentence: Text
    basis: Text | str
    leaders: list[str]
    near: list[str]
    """Those of the leaders that lie near the best, so that they could stand in for it."""


def verdict(panel: Panel, *, confidence: float) -> Verdict:
    """Who is ahead, with the interval; who cannot be told apart from it; the cheapest of those that are near it."""
    ranked = panel.ranked
    if ranked.empty:
        return Verdict(Text("verdict_none"), "", [], [])
    top = ranked.iloc[0]
    name, value = str(top["method"]), number(top["value"])
    at = f"{value} [{number(top['low'])}–{number(top['high'])}]" if top["low"] == top["low"] else value
    if len(ranked) == 1:
        return Verdict(Text("verdict_alone", name=name, at=at), "", [name], [name])
    against, rivals = rivalry(panel)
    told = Text("verdict_ahead", name=name, at=at)
    close = [name]
    if rivals:
        told = Text("verdict_rivals", head=told, rivals=some(rivals))
        tied = ranked[ranked["method"].isin([name, *rivals])]
        near, among = _near(tied, against)
        close = [str(method) for method in near["method"]]
        cheapest = _cheapest(near)
        if cheapest is not None:
            key = "verdict_cheapest_itself" if cheapest[0] == name else "verdict_cheapest"
            told = Text(key, head=told, among=among, name=cheapest[0], time=duration(cheapest[1]))
    else:
        told = Text("verdict_clear", head=told)
    return Verdict(Text("verdict_end", sentence=told), _basis(panel, against, confidence), [name, *rivals], close)


def rivalry(panel: Panel) -> tuple[pd.DataFrame, list[str]]:
    """Comparisons of the method that is ahead, and those that cannot be told apart from it, best first."""
    ranked, compared = panel.ranked["method"], panel.comparisons
    name = str(ranked.iloc[0])
    against = compared[(compared["a"] == name) | (compared["b"] == name)]
    apart = set(against[against["distinguishable"]]["a"]) | set(against[against["distinguishable"]]["b"])
    return against, [str(method) for method in ranked.iloc[1:] if method not in apart]


def _near(tied: pd.DataFrame, against: pd.DataFrame) -> tuple[pd.DataFrame, Text]:
    """Of those that cannot be told from the best, those that could be recommended in its place, and what to call them.

    A noisy method far behind may not be told apart, and is no advice: one is near where it lies within the difference
    that would mostly go unseen.
    """
    detectable = float(against["detectable"].median())
    near = tied[tied["value"] >= tied["value"].max() - detectable]
    if len(near) in (0, len(tied)):  # none where no difference is known
        return tied, Text("of_these")
    return near, Text("of_these_within", difference=number(detectable))


def _cheapest(board: pd.DataFrame) -> tuple[str, float] | None:
    known = board.dropna(subset=["train_seconds"])
    if len(known) < len(board):  # what was not measured might be cheaper
        return None
    row = min(rows(known), key=lambda row: row["train_seconds"])
    return str(row["method"]), float(row["train_seconds"])


def _basis(panel: Panel, against: pd.DataFrame, confidence: float) -> Text:
    """How much the data could show at all."""
    ranked = panel.ranked
    seeds = int(ranked["seeds"].max()) if ranked["seeds"].notna().any() else 0
    on = Text("basis_rows", rows=panel.rows["test"]) if "test" in panel.rows else ""
    text = Text("basis", score=panel.score, on=on, seeds=counted("seeds", seeds), confidence=f"{confidence:.0%}")
    detectable = against["detectable"].dropna()
    if len(detectable):
        text = Text("basis_detectable", head=text, difference=number(float(detectable.median())))
    return Text("basis_one_seed", head=text) if seeds == 1 else text
