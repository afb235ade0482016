"""A model card for the method that the rule recommends on a data set: what it is, its score, how to get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.recommend.rule import Candidate, choose
from tuneproof.report.markdown import markdown
from tuneproof.report.results import rows
from tuneproof.report.tables import verdict

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results


def named(panel: Panel) -> Candidate | None:
    """The cheapest of the methods near the best one (ensembles are no single model); None without a result."""
    candidates = [
        Candidate(str(row["method"]), row["value"], row["low"], row["high"], row["train_seconds"])
        for row in rows(panel.ranked)
        if row["kind"] == "method"
    ]
    if not candidates:
        return None
    choice = choose(candidates, rows(panel.comparisons))
    wanted = choice.cheapest or choice.best
    return next(candidate for candidate in candidates if candidate.method == wanted)


def card(settings: dict[str, Any], panel: Panel, results: Results) -> str | None:
    """The card in the hub's format, or None where nothing has a result."""
    from tuneproof.ready import card as cards

    winner = named(panel)
    if winner is None:
        return None
    prepared = results.json("prepare", panel.dataset, "card.json") or {}
    base = results.json("fetch", "models", f"{panel.model}.json") or {}
    expected = {"score": panel.score, "value": winner.value, "low": winner.low, "high": winner.high}
    about = {
        "dataset": panel.dataset,
        "model": panel.model,
        "method": winner.method,
        "task": settings["datasets"][panel.dataset]["task"],
        "labels": prepared.get("labels", []),
        "expected": expected,
    }
    method = settings["methods"][winner.method]
    confidence = settings.get("evaluation", {}).get("confidence", 0.95)
    answer = verdict(panel, confidence=confidence)
    body = [f"# {panel.dataset}: {winner.method}", "", *cards.what(about, base, prepared)]
    body += [f"- method: {winner.method}: {markdown(method['idea'])} ({markdown(method['paper'])})"]
    body += ["", "## What to expect", "", *cards.expected(expected), "", markdown(answer.sentence)]
    body += [markdown(answer.basis)] if answer.basis else []
    body += ["", "## How to get it", "", "Trained on all labelled rows, with the settings that the search found:", ""]
    body += ["```sh", _command(settings, panel, winner.method), "```"]
    return cards.page(cards.metadata(about, base, library=None), body)


def _command(settings: dict[str, Any], panel: Panel, method: str) -> str:
    model = f" --model {panel.model}" if len(settings["models"]) > 1 else ""
    return f"tuneproof fit --method {method} --dataset {panel.dataset}{model} --out models/{panel.dataset}"
