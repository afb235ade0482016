"""How long a text takes until its answer: one text alone where the challenge stage measured it, else in batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.report.texts import Text

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results


class Latency(NamedTuple):
    """Method → milliseconds a text; and whether a text was alone, rather than one of a batch."""

    of: dict[str, float]
    alone: bool


def measured(
    results: Results,
    pair: tuple[str, str],
    methods: list[str],
    costs: dict[tuple[str, int], dict[str, Any]],
    rows: dict[str, int],
) -> Latency:
    """The one kind of latency that can be compared between the methods of a data set and model.

    Alone: the median over batches of 1, where the challenge of every method measured it. Else the mean over seeds of
    what the predictions of `train` took, in batches, by text; `costs` are cost.json by method and seed, `rows` those of
    each split.
    """
    alone = {}
    for method in methods:
        told = (results.json("challenge", *pair, method, "cost.json") or {}).get("latency_ms", {}).get("1")
        if told is not None:
            alone[method] = float(told)
    if methods and len(alone) == len(methods):
        return Latency(alone, alone=True)
    # a run predicts the validation and the test rows in one go
    texts = sum(rows.get(split, 0) for split in ("validation", "test"))
    found = {}
    for method in methods:
        taken = [cost["predict_seconds"] for (name, _), cost in costs.items() if name == method and _timed(cost)]
        if texts and taken:
            found[method] = 1000 * sum(taken) / len(taken) / texts
    return Latency(found, alone=False)


def _timed(cost: dict[str, Any]) -> bool:
    return cost.get("predict_seconds") is not None


def told(panels: Iterable[Panel]) -> Text | None:
    """Which latency the page shows, in a sentence; None where none was measured."""
    known = [panel for panel in panels if panel.latency.of]
    if not known:
        return None
    alone = list(dict.fromkeys(panel.dataset for panel in known if panel.latency.alone))
    if all(panel.latency.alone for panel in known):
        return Text("latency_alone")
    return Text("latency_mixed", datasets=alone) if alone else Text("latency_batches")
