"""Shifts: what they change, and that nothing else does."""

from __future__ import annotations

import pytest

from tuneproof.augment import wordnet
from tuneproof.augment.words import KEYBOARD, neighbours
from tuneproof.challenge.shifts import SHIFTS, shifted

TEXT = 'The plot is thin,  but the actors "really" shine\n: a lovely evening at @odeon http://t.co/x !'
WORDS = ["Ann", "lives", "in", "New", "York", "and", "works", "for", "@acme", "."]
HERE = [name for name, shift in SHIFTS.items() if shift.unavailable() is None]
needs_wordnet = pytest.mark.skipif(wordnet.unavailable() is not None, reason="no WordNet on this machine")


def differing(before: str, after: str) -> list[tuple[str, str]]:
    return [(one, other) for one, other in zip(before.split(), after.split(), strict=True) if one != other]


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("strength", [0.1, 0.3, 1.0])
def test_words_are_changed_as_asked_and_their_number_stays(name, strength):
    after = shifted(name, TEXT, strength, key="a")
    assert 1 <= len(differing(TEXT, after)) <= max(1, round(strength * len(TEXT.split())))
    sentence = shifted(name, WORDS, strength, key="a")
    assert len(sentence) == len(WORDS)
    assert all(word and not any(letter.isspace() for letter in word) for word in sentence)


def test_the_share_is_kept_where_all_words_can_be_changed():
    text = " ".join(["word"] * 40)
    assert len(differing(text, shifted("typos", text, 0.25, key="a"))) == 10
    assert len(differing(text, shifted("case", text, 0.5, key="a"))) == 20


@pytest.mark.parametrize("name", HERE)
def test_equal_arguments_give_equal_texts_and_other_keys_others(name):
    text = " ".join(["lovely", "actors", "shine", "tonight"] * 10)
    assert shifted(name, text, 0.3, key="a") == shifted(name, text, 0.3, key="a")
    assert len({str(shifted(name, text, 0.3, key=key)) for key in "abcdef"}) > 1


def test_white_space_stays():
    after = shifted("case", TEXT, 1.0, key="a")
    assert after.replace("\n", "|").count("|") == 1
    assert "  " in after


def test_a_typo_is_one_neighbouring_letter():
    keys = "".join(KEYBOARD)
    for key in "abcdefgh":
        ((before, after),) = differing("Wonderful", shifted("typos", "Wonderful", 1.0, key=key))
        ((one, other),) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert one.isupper() == other.isupper()
        assert other.lower() in neighbours()[one.lower()]
        assert other.lower() in keys


def test_neighbours_lie_beside_each_other_both_ways():
    found = neighbours()
    assert set(found) == set("abcdefghijklmnopqrstuvwxyz")
    assert set(found["g"]) == set("fhtyvb")
    assert set(found["q"]) == set("wa")
    assert all(key in found[other] for key, others in found.items() for other in others)


def test_handles_and_addresses_are_nobody_s_slips():
    for name in HERE:
        after = shifted(name, "@odeon http://t.co/x", 1.0, key="a")
        assert after == "@odeon http://t.co/x"


def test_case_turns_over():
    assert shifted("case", "Ann met BOB once .", 1.0, key="a") == "ann MET bob ONCE ."


def test_marks_go_come_and_give_way():
    gone, come, other = shifted("punctuation", ["thin,", "plot", "."], 1.0, key="a")
    assert gone == "thin"
    assert come[:4] == "plot"
    assert come[4:] in tuple(".,;:!?")
    assert other in tuple(",;:!?")


@needs_wordnet
def test_a_synonym_is_one_word_for_a_content_word_in_lower_case():
    after = shifted("synonym", "Happy the film buy", 1.0, key="a")
    first, stop, film, buy = after.split()
    assert (first, stop) == ("Happy", "the")
    assert film in wordnet.load().synonyms("film")
    assert buy in wordnet.load().synonyms("buy")


def test_both_texts_of_a_pair_are_changed():
    one, other = shifted("case", ("so long", "and thanks"), 1.0, key="a")
    assert (one, other) == ("SO LONG", "AND THANKS")


def test_nothing_to_change_is_no_error():
    assert shifted("typos", "", 0.5, key="a") == ""
    assert shifted("typos", "42 - 17", 0.5, key="a") == "42 - 17"
