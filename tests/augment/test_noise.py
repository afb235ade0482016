"""Noise: single words get one error of their kind, and what stands around them stays."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.augment.noise import CONFUSED, Noise
from tuneproof.augment.words import KEYBOARD, neighbours

KINDS = ("keyboard", "ocr", "typo")


def noisy(text, kind, seed=0, rate=1.0):
    row = {"id": "a", "text": text, "label": "x"}
    new = Noise(kind=kind, rate=rate).change(row, None, random.Random(seed))
    return new and new["text"]


@settings(deadline=None)
@given(st.text(), st.sampled_from(KINDS), st.integers(0, 5), st.floats(0.01, 1))
def test_any_text(text, kind, seed, rate):
    row = {"id": "a", "text": text, "text_pair": text, "label": "x"}
    new = Noise(kind=kind, rate=rate).change(row, None, random.Random(seed))
    assert new == Noise(kind=kind, rate=rate).change(row, None, random.Random(seed))
    if new is not None:
        assert {**new, "text": text} == row
        assert new["text"] != text
        before, after = text.split(), new["text"].split()
        differing = sum(one != other for one, other in zip(before, after, strict=True))
        assert 1 <= differing <= max(1, round(rate * len(before)))


def test_tags_stay():
    row = {"id": "a", "tokens": ["Brian", "lives", "in", "London"], "tags": ["B-per", "O", "O", "B-loc"]}
    for kind in KINDS:
        new = Noise(kind=kind, rate=1).change(row, None, random.Random(0))
        assert new["tags"] == row["tags"]
        assert len(new["tokens"]) == 4
        assert new["tokens"] != row["tokens"]
    assert row["tokens"][0] == "Brian"


def test_a_keyboard_slip_is_a_neighbouring_key():
    keys = "".join(KEYBOARD)
    found = {noisy("hat", "keyboard", seed) for seed in range(300)}
    by_hand = {"h": "gjyubn", "a": "sqwz", "t": "ryfg"}
    expected = {"hat"[:place] + new + "hat"[place + 1 :] for place, old in enumerate("hat") for new in by_hand[old]}
    assert all(len(neighbours()[key]) >= 2 for key in keys)
    assert found <= expected
    assert len(found) > 10


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("0", {"O", "o"}),
        ("5", {"S"}),
        ("m", {"rn", "nn"}),
        ("rn", {"m", "ri"}),
        ("day", {"clay"}),
    ],
)
def test_scanner_errors_by_hand(word, expected):
    found = {noisy(word, "ocr", seed) for seed in range(100)}
    assert found >= expected - {"ri"}
    assert found <= {word.replace(one, other, 1) for one, other in CONFUSED if one in word}


def test_scanner_errors_go_both_ways():
    assert {(other, one) for one, other in CONFUSED} == set(CONFUSED)


def test_letter_errors():
    found = {noisy("cold", "typo", seed) for seed in range(400)}
    swaps, drops = {"clod", "codl"}, {"cld", "cod", "col"}
    assert found >= swaps | drops | {"coold", "colld", "coldd"}
    inserted = found - swaps - drops
    assert all(len(word) == 5 and not Counter("cold") - Counter(word) for word in inserted)
    assert all(word.startswith("c") for word in found)


def test_marks_and_capitals_stay():
    for seed in range(50):
        new = noisy('"Cold!"', "typo", seed)
        assert (new[:2], new[-2:]) == ('"C', '!"')


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["@brian", "#film", "http://film.com", "www.film.com", "", " \n", "?!", "—"])
def test_nothing_to_change(text, kind):
    assert noisy(text, kind) is None


def test_the_rate_is_a_share_of_the_words():
    text = " ".join(["word"] * 20)
    assert sum(word != "word" for word in noisy(text, "keyboard", rate=0.25).split()) == 5
