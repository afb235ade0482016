"""Splits: exact, stratified, nested, and a function of ids and seed alone."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.dataset import Split
from tuneproof.errors import DataError
from tuneproof.prepare import split
from tuneproof.prepare.clean import Example
from tuneproof.prepare.sources.base import Place


def examples(labels, groups=None):
    return [
        Example(
            Place("f", row + 1),
            {"text": f"t{row}", "label": label},
            f"t{row}",
            label,
            group=groups[row] if groups else None,
            id=f"id{row}",
        )
        for row, label in enumerate(labels)
    ]


def by_class(example):
    return example.answer


def cut(rows, missing=("validation", "test"), stratum=by_class, **options):
    return split.divide(rows, Split(**options), missing, stratum, "datasets.x")


LABELS = st.lists(st.sampled_from("aaaabbc"), min_size=10, max_size=200)


@settings(deadline=None)
@given(LABELS, st.integers(1, 4), st.integers(1, 4), st.integers(0, 3))
def test_counts_are_exact_and_rows_are_divided(labels, validation, test, seed):
    rows = examples(labels)
    parts = cut(rows, validation=validation, test=test, seed=seed)
    assert (len(parts["validation"]), len(parts["test"])) == (validation, test)
    assert sorted(row.id for part in parts.values() for row in part) == sorted(row.id for row in rows)


@settings(deadline=None)
@given(LABELS, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(labels, rng):
    rows = examples(labels)
    shuffled = rng.sample(rows, len(rows))
    first, second = cut(rows, validation=2, test=3), cut(shuffled, validation=2, test=3)
    assert {name: {row.id for row in part} for name, part in first.items()} == {
        name: {row.id for row in part} for name, part in second.items()
    }


@settings(deadline=None)
@given(LABELS)
def test_each_class_is_in_train_and_shares_are_kept(labels):
    counts = Counter(labels)
    rows = examples(labels)
    parts = cut(rows, validation=0.2, test=0.2)
    assert set(Counter(row.answer for row in parts["train"])) == set(counts)
    for part in parts.values():
        found = Counter(row.answer for row in part)
        for label, count in counts.items():
            assert abs(found[label] - count * len(part) / len(rows)) <= 2


def test_seed_changes_the_split():
    rows = examples("ab" * 50)
    assert len({frozenset(row.id for row in cut(rows, seed=seed)["test"]) for seed in range(5)}) == 5


def test_without_stratification_shares_float():
    rows = examples("a" * 500 + "b" * 500)
    part = cut(rows, stratum=split.strata("classification", rows, stratify=False), test=0.5)["test"]
    assert len(part) == 500
    assert Counter(row.answer for row in part)["a"] != 250


def test_only_missing_splits_are_cut():
    assert sorted(cut(examples("ab" * 10), missing=["validation"])) == ["train", "validation"]
    assert len(cut(examples("ab" * 10), missing=[])["train"]) == 20


@settings(deadline=None)
@given(LABELS, st.data())
def test_subsets_are_nested(labels, data):
    rows = examples(labels)
    small = data.draw(st.integers(2, len(rows)))
    large = data.draw(st.integers(small, len(rows)))
    chosen = {row.id for row in split.subset(rows, small, 0, by_class)}
    assert len(chosen) == small
    assert chosen <= {row.id for row in split.subset(rows, large, 0, by_class)}
    if small >= len(set(labels)):
        assert {row.answer for row in split.subset(rows, small, 0, by_class)} == set(labels)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=40, max_size=200), st.integers(0, 3))
def test_groups_stay_whole(numbers, seed):
    groups = [str(number) for number in numbers]
    rows = examples(["a"] * len(groups), groups)
    if len(set(groups)) < 10:
        return
    parts = cut(rows, validation=0.2, test=0.2, seed=seed)
    owner = {}
    for name, part in parts.items():
        for row in part:
            assert owner.setdefault(row.group, name) == name
    assert sum(map(len, parts.values())) == len(rows)
    largest = max(Counter(groups).values())
    assert abs(len(parts["test"]) - round(0.2 * len(rows))) <= largest


def test_group_splits_do_not_depend_on_row_order():
    rows = examples(["a"] * 60, [str(row // 4) for row in range(60)])
    shuffled = random.Random(1).sample(rows, 60)
    assert {row.id for row in cut(rows)["test"]} == {row.id for row in cut(shuffled)["test"]}


def test_too_few_groups():
    with pytest.raises(DataError, match=r"datasets\.x: no rows left for \w+: 2 groups are too few"):
        cut(examples("a" * 20, ["1"] * 10 + ["2"] * 10))


def test_split_larger_than_data():
    with pytest.raises(DataError) as raised:
        cut(examples("ab" * 5), validation=4, test=6)
    assert str(raised.value).startswith(
        "datasets.x: split asks for 4 rows for validation and 6 rows for test, but there"
    )


def test_a_sentence_is_in_the_stratum_of_its_rarest_type():
    rows = examples([["B-a"], ["B-a", "I-a"], ["B-a", "B-b"], ["O"]])
    stratum = split.strata("ner", rows, stratify=True)
    assert [stratum(row) for row in rows] == ["a", "a", "b", ""]


TYPES = st.lists(st.lists(st.sampled_from(["O", "B-a", "B-a", "B-b", "B-c"]), min_size=1, max_size=6), max_size=60)


def mentions(rows):
    return Counter(tag[2:] for row in rows for tag in row.answer if tag != "O")


@settings(deadline=None)
@given(LABELS, st.data())
def test_so_many_rows_of_each_class(labels, data):
    rows = examples(labels)
    large = data.draw(st.integers(1, min(Counter(labels).values())))
    small = data.draw(st.integers(1, large))
    chosen = split.subset_per_class(rows, large, 0, "classification", "x")
    assert Counter(row.answer for row in chosen) == dict.fromkeys(set(labels), large)
    assert len({row.id for row in chosen}) == len(chosen)
    fewer = split.subset_per_class(rows, small, 0, "classification", "x")
    assert {row.id for row in fewer} <= {row.id for row in chosen}


@settings(deadline=None)
@given(TYPES, st.integers(1, 5), st.integers(0, 5), st.integers(0, 3))
def test_so_many_mentions_of_each_type_as_far_as_there_are(sentences, small, more, draw):
    rows, seed = examples(sentences), split.draw_seed(0, draw)
    total = mentions(rows)
    fewer = split.subset_per_class(rows, small, seed, "ner", "x")
    chosen = split.subset_per_class(rows, small + more, seed, "ner", "x")
    assert {row.id for row in fewer} <= {row.id for row in chosen}
    for subset, wanted in ((fewer, small), (chosen, small + more)):
        found = mentions(subset)
        assert all(found[kind] >= min(wanted, total[kind]) for kind in total)
        # no sentence is taken but for a type that lacked a mention
        assert len(subset) <= sum(min(wanted, count) for count in total.values())
    shuffled = random.Random(draw).sample(rows, len(rows))
    assert [row.id for row in split.subset_per_class(shuffled, small, seed, "ner", "x")] == [row.id for row in fewer]


def test_a_class_with_fewer_rows_is_told():
    with pytest.raises(DataError, match=r"^datasets\.x\.train_per_class: found 3, but class 'b' has 2 training rows$"):
        split.subset_per_class(examples("aaaabb"), 3, 0, "classification", "datasets.x.train_per_class")


@settings(deadline=None)
@given(LABELS, st.integers(2, 9))
def test_draws_differ_and_the_first_is_the_plain_subset(labels, size):
    rows = examples(labels * 4)
    draws = [{row.id for row in split.subset(rows, size, split.draw_seed(5, draw), by_class)} for draw in range(6)]
    assert draws[0] == {row.id for row in split.subset(rows, size, 5, by_class)}
    assert len({frozenset(draw) for draw in draws}) > 1
