"""Challenge: stored runs answer changed inputs, so that `evaluate` can say how much a method loses."""

from __future__ import annotations

INSIDE = ("attack", "forgetting", "attributions", "neighbours")
"""Tables of what is found inside the runs (inside.py)."""
FILES = (
    "predictions.parquet",
    "challenge.json",
    "checks.parquet",
    "transfer.parquet",
    *(f"{name}.parquet" for name in INSIDE),
    "cost.json",
)
"""All that is written for one cell."""
UNCHANGED = "unchanged"
"""The challenge that changes nothing: what the others are compared with."""
