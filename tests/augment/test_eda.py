"""EDA: what each operation keeps, and how many words it touches."""

import random
import re
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tuneproof.augment import wordnet
from tuneproof.augment.eda import Eda

OPERATIONS = ("synonym", "insertion", "swap", "deletion")


class Words:
    def synonyms(self, word, parts=()):
        return {"great": ("fine",), "movie": ("film", "motion picture")}.get(word, ())


def eda(text, seed=0, alpha=0.1, operations=OPERATIONS):
    row = {"id": "a", "text": text, "text_pair": text, "label": 2.5}
    new = Eda(operations=operations, alpha=alpha).change(row, Words(), random.Random(seed))
    if new is None:
        return None
    assert {**new, "text": text} == row
    return new["text"]


def words(text):
    return [word for word in text.split() if any(letter.isalnum() for letter in word)]


TEXTS = st.one_of(st.text(), st.text(alphabet="great movi.\n ,é", max_size=60))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 9), st.floats(0.01, 1), st.lists(st.sampled_from(OPERATIONS), min_size=1, unique=True))
def test_any_text(text, seed, alpha, operations):
    new = eda(text, seed, alpha, operations)
    assert new == eda(text, seed, alpha, operations)
    assert new is None or (new != text and words(new))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 9), st.floats(0.01, 1))
def test_swap_keeps_the_words_and_all_else_in_place(text, seed, alpha):
    new = eda(text, seed, alpha, ["swap"])
    if new is not None:
        assert Counter(new.split()) == Counter(text.split())
        blank = [re.sub(r"\S*\w\S*", "", one) if one.isascii() else "" for one in (text, new)]
        assert re.findall(r"\s+", new) == re.findall(r"\s+", text)
        assert blank[0].replace("_", "") == blank[1].replace("_", "")


@settings(deadline=None)
@given(TEXTS, st.integers(0, 9), st.floats(0.01, 1))
def test_deletion_keeps_a_word_and_the_order(text, seed, alpha):
    new = eda(text, seed, alpha, ["deletion"])
    assert (new is None) == (len(words(text)) < 2)
    if new is not None:
        assert 1 <= len(words(new)) < len(words(text))
        rest = iter(text.split())
        assert all(word in rest for word in new.split())


def test_deletion_is_by_chance():
    text = " ".join(map(str, range(1000)))
    assert len(eda(text, alpha=0.2, operations=["deletion"]).split()) == pytest.approx(800, abs=50)
    assert len(eda(text, alpha=1, operations=["deletion"]).split()) == 1


@pytest.mark.parametrize(("alpha", "length", "number"), [(0.01, 5, 1), (0.1, 20, 2), (0.3, 20, 6)])
def test_numbers_of_words(alpha, length, number):
    text = " ".join(["movie"] * length)
    after = eda(text, alpha=alpha, operations=["synonym"]).replace("motion picture", "film").split()
    assert after.count("film") == number
    after = eda(text, alpha=alpha, operations=["insertion"]).replace("motion picture", "film").split()
    assert (after.count("movie"), after.count("film")) == (length, number)
    text = " ".join(map(str, range(length)))
    after = eda(text, alpha=alpha, operations=["swap"]).split()
    assert 2 <= sum(one != other for one, other in zip(after, text.split(), strict=True)) <= 2 * number


def test_insertion_is_anywhere():
    found = {eda("one great , day", seed, operations=["insertion"]) for seed in range(60)}
    assert found == {"fine one great , day", "one fine great , day", "one great , fine day", "one great , day fine"}


def test_each_operation_is_used_alike():
    used = Counter()
    for seed in range(800):
        new = eda("one great day now", seed)
        kind = {5: "insertion", 3: "deletion"}.get(len(new.split()))
        used[kind or ("synonym" if "fine" in new else "swap")] += 1
    assert all(used[name] == pytest.approx(200, abs=45) for name in OPERATIONS)


def test_another_operation_where_the_first_changes_nothing():
    assert {eda("unknown words", seed) for seed in range(30)} == {"words unknown", "unknown", "words"}
    assert eda("unknown words", operations=["synonym", "insertion"]) is None


@pytest.mark.parametrize("text", ["", " ", "one", "...", "one ?"])
def test_nothing_to_change(text):
    assert eda(text) is None


def test_a_dictionary_only_where_it_is_needed(monkeypatch):
    monkeypatch.setattr(wordnet, "unavailable", lambda: "WordNet not found")
    assert Eda().unavailable() == "WordNet not found"
    assert Eda(operations=["insertion"]).unavailable()
    plain = Eda(operations=["swap", "deletion"])
    assert plain.unavailable() is None
    assert plain.prepare(pd.DataFrame({"text": []})) is None


@pytest.mark.parametrize("operations", [[], ["swap", "swap"], ["shuffle"]])
def test_operations_are_checked(operations):
    with pytest.raises(ValidationError):
        Eda(operations=operations)
