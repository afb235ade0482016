"""Evaluate: from predictions to scores, comparisons and groups."""

from __future__ import annotations

PER_DATASET = (
    *("scores", "comparisons", "groups", "entities", "ensembles", "slices"),
    *("calibration", "reliability", "risk_coverage", "confusion", "mistakes"),
    *("robustness", "checks", "transfer", "attack", "forgetting"),
)
TABLES = tuple(f"{name}.{kind}" for name in PER_DATASET for kind in ("csv", "parquet"))
"""Tables of one data set and model."""
FILES = (*TABLES, "metrics.json")
"""All that is written for one data set and model."""
ACROSS = tuple(
    f"{name}.{kind}"
    for name in ("across", "ranks", "friedman", "search", "importances", "expected_best", "half_budget", "trials")
    for kind in ("csv", "parquet")
)
"""Tables over all data sets and models."""
