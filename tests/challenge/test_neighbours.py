"""The nearest training rows, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tuneproof.challenge.neighbours import nearest


def test_they_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows, training = rng.normal(size=(5, 8)), rng.normal(size=(40, 8))
    distances, places = NearestNeighbors(n_neighbors=3, metric="cosine").fit(training).kneighbors(rows)
    found = nearest(rows, training, 3)
    assert [one.neighbour for one in found] == list(places.ravel())
    assert [one.cosine for one in found] == pytest.approx(list(1 - distances.ravel()))
    assert [(one.row, one.rank) for one in found] == [(row, rank) for row in range(5) for rank in (1, 2, 3)]


def test_of_equally_near_ones_the_first_comes_first_and_scale_does_not_matter():
    training = np.array([[0.0, 1.0], [2.0, 2.0], [1.0, 1.0], [5.0, 5.0]])
    assert [one.neighbour for one in nearest(np.array([[3.0, 3.0]]), training, 3)] == [1, 2, 3]


def test_fewer_training_rows_than_asked_for_are_all_and_zeros_are_near_to_nothing():
    found = nearest(np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 1.0]]), 5)
    assert [(one.rank, one.neighbour, one.cosine) for one in found] == [(1, 0, 0.0), (2, 1, 0.0)]
