"""Regularisers: cures for over-fitting that cross with any tuning. One file each; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.regularisers.base import Regulariser

REGULARISERS: dict[str, str] = {
    "label-smoothing": "tuneproof.regularisers.label_smoothing:LabelSmoothing",
}


def get(name: str) -> type[Regulariser]:
    """The class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(REGULARISERS, name)
