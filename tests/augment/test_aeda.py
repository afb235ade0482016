"""AEDA: marks come in before words, between one and a third of them, and nothing else changes."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tuneproof.augment.aeda import MARKS, Aeda

INSERTED = re.compile(r"[.;?:!,] (?=\S)")


def changed(text, seed=0, **options):
    return Aeda(**options).change({"id": "a", "text": text, "label": 2.5}, None, random.Random(seed))


@settings(deadline=None)
@given(st.text(), st.integers(0, 9))
def test_any_text(text, seed):
    new = changed(text, seed)
    assert (new is None) == (not text.split())
    if new is not None:
        assert {**new, "text": text} == {"id": "a", "text": text, "label": 2.5}
        assert new == changed(text, seed)
        words = [word for word in text.split() if word not in MARKS]
        assert [word for word in new["text"].split() if word not in MARKS] == words


@given(st.text(alphabet="abé \n\t", min_size=1).filter(str.strip), st.integers(0, 9))
def test_without_its_marks_it_is_the_original(text, seed):
    new = changed(text, seed)["text"]
    assert INSERTED.sub("", new) == text
    assert 1 <= len(INSERTED.findall(new)) <= max(1, len(text.split()) // 3)


def test_all_numbers_and_marks_occur():
    text = "one two three four five six seven eight nine"
    found = [INSERTED.findall(changed(text, seed)["text"]) for seed in range(200)]
    assert {len(marks) for marks in found} == {1, 2, 3}
    assert {mark[0] for marks in found for mark in marks} == set(MARKS)


def test_a_larger_share():
    text = "one two three four"
    assert max(len(INSERTED.findall(changed(text, seed, most=1)["text"])) for seed in range(99)) == 4


def test_the_share_has_bounds():
    with pytest.raises(ValidationError):
        Aeda(most=0)
