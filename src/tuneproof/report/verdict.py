"""The answer in a sentence: for one data set and model, and over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneproof.recommend.rule import Candidate, Choice, choose
from tuneproof.report.results import rows
from tuneproof.report.texts import Text, counted
from tuneproof.report.words import duration, number, some

if TYPE_CHECKING:
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
    choice = choose(_candidates(panel), rows(panel.comparisons))
    told = Text("verdict_ahead", name=name, at=at)
    if choice.rivals:
        told = Text("verdict_rivals", head=told, rivals=some(choice.rivals))
        if choice.cheapest is not None:
            key = "verdict_cheapest_itself" if choice.cheapest == name else "verdict_cheapest"
            seconds = float(ranked.set_index("method")["train_seconds"][choice.cheapest])
            told = Text(key, head=told, among=_among(choice), name=choice.cheapest, time=duration(seconds))
    else:
        told = Text("verdict_clear", head=told)
    basis = _basis(panel, choice.detectable, confidence)
    return Verdict(Text("verdict_end", sentence=told), basis, [name, *choice.rivals], choice.near)


def _candidates(panel: Panel) -> list[Candidate]:
    """Methods and ensembles alike: the verdict is about all that was measured."""
    return [
        Candidate(str(row["method"]), row["value"], train_seconds=row["train_seconds"]) for row in rows(panel.ranked)
    ]


def _among(choice: Choice) -> Text:
    """What the near ones are called: all that are tied, or those within a difference."""
    if choice.detectable is None or len(choice.near) == 1 + len(choice.rivals):
        return Text("of_these")
    return Text("of_these_within", difference=number(choice.detectable))


def _basis(panel: Panel, detectable: float | None, confidence: float) -> Text:
    """How much the data could show at all."""
    ranked = panel.ranked
    seeds = int(ranked["seeds"].max()) if ranked["seeds"].notna().any() else 0
    on = Text("basis_rows", rows=panel.rows["test"]) if "test" in panel.rows else ""
    text = Text("basis", score=panel.score, on=on, seeds=counted("seeds", seeds), confidence=f"{confidence:.0%}")
    if detectable is not None:
        text = Text("basis_detectable", head=text, difference=number(detectable))
    return Text("basis_one_seed", head=text) if seeds == 1 else text
