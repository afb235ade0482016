"""Rewrites: texts stay in their places, the strength is a share of the texts, and what is missing is named."""

import pytest
from pydantic import ValidationError

from tuneproof.augment import apertium
from tuneproof.challenge import UNCHANGED, rewrites
from tuneproof.challenge.options import Challenge
from tuneproof.challenge.rewrites import REWRITES, rewritten
from tuneproof.challenge.run import challenges
from tuneproof.challenge.shifts import SHIFTS
from tuneproof.errors import MethodError

NAME = "back-translation"
needs_apertium = pytest.mark.skipif(REWRITES[NAME].unavailable() is not None, reason="no Apertium with eng-spa")


@pytest.fixture
def loud(monkeypatch):
    """A rewrite that needs no program."""
    loud = REWRITES[NAME]._replace(change=lambda texts: [text.upper() for text in texts])
    monkeypatch.setitem(rewrites.REWRITES, NAME, loud)


@pytest.mark.usefixtures("loud")
def test_the_strength_is_a_share_of_the_texts_that_keys_decide():
    keys = [str(number) for number in range(2000)]
    texts = ["word"] * len(keys)
    after = rewritten(NAME, texts, 0.3, keys=keys)
    assert after.count("WORD") / len(keys) == pytest.approx(0.3, abs=0.04)
    assert rewritten(NAME, texts, 1, keys=keys) == ["WORD"] * len(keys)
    assert rewritten(NAME, texts[:500], 0.3, keys=keys[:500]) == after[:500]
    more = rewritten(NAME, texts, 0.6, keys=keys)
    assert all(other == "WORD" for one, other in zip(after, more, strict=True) if one == "WORD")


@pytest.mark.usefixtures("loud")
def test_texts_and_pairs_stay_in_their_places():
    texts = ["a", ("b", "c"), "d"]
    assert rewritten(NAME, texts, 1, keys="xyz") == ["A", ("B", "C"), "D"]
    assert texts == ["a", ("b", "c"), "d"]
    with pytest.raises(ValueError, match="sentences"):
        rewritten(NAME, [["a", "b"]], 1, keys="x")


@needs_apertium
def test_a_challenge_may_name_it():
    texts = ["It is a very nice little film.", "The house is big.", "42"]
    same, case, back = challenges(["a", "b", "c"], texts, {"case": 0.5, NAME: 1.0})
    assert (same.challenge, case.challenge, back.challenge) == (UNCHANGED, "case", NAME)
    assert back.changed == [True, False, False]
    assert back.texts[0] != texts[0]
    assert back.texts[0].split()[-1].endswith("film.")
    assert back.texts[1:] == texts[1:]
    assert challenges(["a", "b", "c"], texts, {"case": 0.5})[1] == case


def test_it_is_asked_for_only_by_name():
    assert list(Challenge().shifts) == [*SHIFTS]
    assert Challenge(shifts={NAME: 1.0}).shifts == {NAME: 1.0}
    with pytest.raises(ValidationError):
        Challenge(shifts={"backtranslation": 1.0})


def test_what_cannot_be_made_is_named(monkeypatch, tmp_path):
    assert "number of words" in rewrites.unavailable(NAME, "ner")
    assert rewrites.unavailable("typos", "ner") is None
    monkeypatch.setenv(apertium.FOLDER_VARIABLE, str(tmp_path))
    assert "apt-get install apertium" in rewrites.unavailable(NAME, "classification")
    with pytest.raises(MethodError, match="apt-get install apertium"):
        rewritten(NAME, ["a film"], 1, keys="x")
