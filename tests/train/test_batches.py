import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.train.batches import Tokens, by_length, shuffled

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200)


@given(LENGTHS, st.integers(1, 32), st.integers(0, 5))
def test_every_row_stands_in_exactly_one_batch(lengths, batch_size, seed):
    batches = shuffled(lengths, batch_size, seed)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(len(batch) for batch in batches) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)


@given(LENGTHS, st.integers(1, 32))
def test_prediction_batches_are_sorted_and_complete(lengths, batch_size):
    rows = np.concatenate(by_length(lengths, batch_size))
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    assert all(np.diff(np.asarray(lengths)[rows]) >= 0)


def test_order_depends_on_the_seed_alone():
    lengths = list(np.random.default_rng(0).integers(5, 60, size=300))
    first, again, other = (shuffled(lengths, 16, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_little_padding():
    lengths = list(np.random.default_rng(0).integers(5, 60, size=2000))
    batches = shuffled(lengths, 16, 0)
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    assert padded / sum(lengths) < 1.1


def test_collate_pads_ids_masks_and_labels():
    tokens = Tokens(
        ["x", "y"],
        {
            "input_ids": [np.array([1, 2, 3], np.int64), np.array([4], np.int64)],
            "labels": [np.array([-100, 0, 1], np.int64), np.array([2], np.int64)],
            "word_starts": [np.array([1, 2]), np.array([0])],
        },
    )
    batch = tokens.collate([1, 0], 9, torch.device("cpu"))
    assert batch["input_ids"].tolist() == [[4, 9, 9], [1, 2, 3]]
    assert batch["attention_mask"].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[2, -100, -100], [-100, 0, 1]]
    assert set(batch) == {"input_ids", "attention_mask", "labels"}


@pytest.mark.parametrize(("labels", "kind"), [([0, 1], torch.long), ([0.5, 1.5], torch.float32)])
def test_collate_keeps_one_label_an_example(labels, kind):
    tokens = Tokens(["x", "y"], {"input_ids": [np.array([1]), np.array([2])], "labels": labels})
    batch = tokens.collate([0, 1], 0, torch.device("cpu"))
    assert batch["labels"].dtype == kind
    assert batch["labels"].tolist() == labels
