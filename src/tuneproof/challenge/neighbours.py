"""The training rows that lie nearest to a test row, by the cosine of their embeddings in the pre-trained model.

They show what a model could have learned an answer from, or that a test row has a twin among the training rows. The
embeddings are those before tuning, so that near means the same for every method. Training labels are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneproof.challenge import embed

if TYPE_CHECKING:
    import numpy as np


class Neighbour(NamedTuple):
    """A training row near a test row."""

    row: int
    """Place of the test row."""
    rank: int
    """1 for the nearest."""
    neighbour: int
    """Place of the training row; of equally near ones the first comes first."""
    cosine: float


def nearest(rows: np.ndarray, training: np.ndarray, count: int) -> list[Neighbour]:
    """The `count` nearest training rows (n × width) of each row (m × width), or all where there are fewer."""
    import numpy as np

    cosines = embed.unit(rows) @ embed.unit(training).T
    order = np.argsort(-cosines.round(9), axis=1, kind="stable")[:, :count]
    return [
        Neighbour(row, rank, int(place), float(cosines[row, place]))
        for row, places in enumerate(order)
        for rank, place in enumerate(places, start=1)
    ]
