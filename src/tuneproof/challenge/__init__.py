"""Challenge: stored runs answer changed inputs, so that `evaluate` can say how much a method loses."""

from __future__ import annotations

FILES = ("predictions.parquet", "challenge.json", "cost.json")
"""All that is written for one cell."""
UNCHANGED = "unchanged"
"""The challenge that changes nothing: what the others are compared with."""
