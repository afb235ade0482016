"""A comparison of two revisions for people, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from tuneproof.report.tables import number, p_value
from tuneproof.revisions.compare import Change, Compared

SHOWN = 20
"""Lines of one kind; of the rest their number."""


def lines(found: Compared) -> list[str]:
    """What changed in params, code and results, then the scores: significant differences first."""
    told = [f"{found.before[:12]} → {found.after[:12]}"]
    changes = [f"{key}: {_value(a)} → {_value(b)}" for key, (a, b) in found.params.items()]
    for title, entries in (("params", changes), ("files", found.files), ("results of stages", found.stages)):
        told.append(f"{title}: {'no change' if not entries else ''}".rstrip())
        told += [f"  {_plain(entry)}" for entry in entries[:SHOWN]]
        told += [f"  and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []
    significant = [change for change in found.scores if change.significant]
    told.append(f"scores ({found.confidence:.0%} intervals, p after Holm): {len(significant)} significant differences")
    return told + [f"  {_plain(_line(change))}" for change in sorted(found.scores, key=lambda c: not c.significant)]


def as_json(found: Compared) -> dict[str, Any]:
    params = {key: {"before": a, "after": b} for key, (a, b) in found.params.items()}
    return {**found._asdict(), "params": params, "scores": [change._asdict() for change in found.scores]}


def _line(change: Change) -> str:
    where = f"{change.dataset}/{change.model}/{change.method}: {change.score}"
    moved = f"{number(change.before)} → {number(change.after)}"
    if change.difference is None:
        return f"{where} {moved}: {change.note}"
    if change.p_holm is None:
        return f"{where} {moved}: {change.difference:+.3f}, {change.note}"
    interval = "" if change.low is None or change.high is None else f" [{change.low:+.3f}, {change.high:+.3f}]"
    word = "significant" if change.significant else "within chance"
    return f"{where} {moved}: {change.difference:+.3f}{interval}, p {p_value(change.p_holm)}: {word}"


def _value(value: Any) -> str:
    return "not there" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _plain(text: str) -> str:
    """File names and values out of another revision must not steer the terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
