"""Ensembles: how several runs answer together. One file a combination; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.ensemble.base import Combination

COMBINATIONS = {
    "greedy": "tuneproof.ensemble.greedy:Greedy",
    "greedy-soup": "tuneproof.ensemble.greedy_soup:GreedySoup",
    "majority": "tuneproof.ensemble.majority:Majority",
    "mean": "tuneproof.ensemble.mean:Mean",
    "median": "tuneproof.ensemble.median:Median",
    "soup": "tuneproof.ensemble.soup:Soup",
    "stacking": "tuneproof.ensemble.stacking:Stacking",
    "weighted": "tuneproof.ensemble.weighted:Weighted",
}
WITHOUT_MEAN = ("knn", "nn-tagger")
"""Tunings that keep training rows in place of weights: members of no ensemble that becomes one model."""


def get(name: str) -> type[Combination]:
    """The combination's class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(COMBINATIONS, name)
