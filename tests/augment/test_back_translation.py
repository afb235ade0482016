"""Back-translation: one translation a text, nothing of Apertium's mark-up in it, mentions untouched."""

import random
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.augment import apertium
from tuneproof.augment.back_translation import BackTranslation
from tuneproof.errors import MethodError
from tuneproof.prepare.tags import spans

needs_apertium = pytest.mark.skipif(
    BackTranslation().unavailable() is not None, reason="no Apertium with eng-spa on this machine"
)
HOSTILE = [
    "[x] {y} ^z$ a/b \\ c @user <d> *",
    "^hi<n>/hola$ good",
    "[<STREAMCMD:FLUSH>] good film",
    "a good\0film\nand\n\nanother ",
    "",
    " ... ",
    "good \\",
    "[[b:x]] <b>bold</b> film",
    "¡Así! 😀 film 日本語 ´`",
    "good.[][",
]


def changed(texts, **options):
    technique = BackTranslation(**options)
    rows = [{"id": str(place), "text": text, "label": "x"} for place, text in enumerate(texts)]
    return technique.changes(rows, technique.prepare(pd.DataFrame(rows)), [random.Random(0)] * len(rows))


@needs_apertium
def test_a_translation_that_dictionaries_give():
    assert apertium.translate(["The white house is big."], "eng-spa") == ["La casa blanca es grande."]
    assert apertium.translate(["La casa blanca es grande."], "spa-eng") == ["The white house is big."]


@needs_apertium
def test_hostile_texts_come_back_one_for_one_without_damage():
    marks = re.compile(r"[\[\]{}^$/\\@<>*]")
    there = apertium.translate(HOSTILE, "eng-spa")
    back = apertium.translate(there, "spa-eng")
    assert len(back) == len(HOSTILE)
    for text, spanish, english in zip(HOSTILE, there, back, strict=True):
        assert sorted(marks.findall(text)) == sorted(marks.findall(spanish)) == sorted(marks.findall(english))
        assert "😀" not in text or ("😀" in english and "日本語" in english)
    assert back[4:6] == ["", "..."]  # nothing to translate


@needs_apertium
def test_neighbours_and_order_make_no_difference():
    texts = [
        "Dark and disturbing",
        "Effective but too tepid biopic",
        "The film is great!",
        "I hated every minute of it.",
    ]
    alone = [apertium.translate([text], "eng-spa")[0] for text in texts]
    assert apertium.translate(texts, "eng-spa") == alone
    assert apertium.translate(texts[::-1] * 2, "eng-spa") == alone[::-1] * 2


@needs_apertium
def test_only_the_first_text_changes_and_other_columns_stay():
    row = {"id": "a", "text": "It is a very nice little film.", "text_pair": "A nice film.", "label": 2.5}
    (found,) = BackTranslation().changes([row], None, [random.Random(0)])
    assert found["text"] != row["text"]
    assert {**found, "text": row["text"]} == row


@needs_apertium
def test_what_comes_back_the_same_is_no_new_row():
    assert changed(["The house is big.", "42", ""]) == [None, None, None]


@needs_apertium
def test_copies_take_the_pivots_in_turn(monkeypatch):
    asked = []
    monkeypatch.setattr(apertium, "translate", lambda texts, direction: asked.append(direction) or [*texts])
    technique = BackTranslation(pivots=("spa", "cat"), copies=3)
    rows = [{"id": name, "text": name} for name in "aab" for _ in range(1)]
    assert technique.changes(rows, None, [random.Random(0)] * 3) == [None] * 3
    assert asked == ["eng-spa", "spa-eng", "eng-cat", "cat-eng"]


def test_a_missing_pair_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv(apertium.FOLDER_VARIABLE, str(tmp_path))
    reason = BackTranslation().unavailable()
    assert "apt-get install apertium apertium-eng-spa" in reason
    assert "\n" not in reason
    with pytest.raises(MethodError, match="apt-get install apertium"):
        changed(["A film."])


@needs_apertium
def test_a_failing_program_is_one_clear_line(monkeypatch, tmp_path):
    (tmp_path / "modes").mkdir()
    (tmp_path / "modes" / "eng-spa.mode").write_text("lt-proc '/no/such.bin' | lt-proc $1 '/no/other.bin'\n")
    monkeypatch.setenv(apertium.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(MethodError, match="Apertium failed with exit code"):
        apertium.translate(["A film."], "eng-spa")


@needs_apertium
def test_a_lost_text_is_an_error(monkeypatch):
    monkeypatch.setattr(apertium, "_command", lambda direction: "head -z -n 1")
    with pytest.raises(MethodError, match="1 translations of 2 texts"):
        apertium.translate(["A film.", "Another."], "eng-spa")


KINDS = st.sampled_from(["O", "per", "loc"])
WORDS = st.lists(st.sampled_from(["the", "nice", "film", "is", "[x]", "Ann", ".", "@user", "was", "^big$"]), min_size=1)


@needs_apertium
@settings(deadline=None, max_examples=12)
@given(st.lists(st.lists(st.tuples(KINDS, WORDS), min_size=1, max_size=5), min_size=1, max_size=6))
def test_entities_keep_words_types_and_order(sentences):
    rows = []
    for number, parts in enumerate(sentences):
        tokens, tags = [], []
        for kind, words in parts:
            tokens += words
            tags += ["O"] * len(words) if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (len(words) - 1)]
        rows.append({"id": str(number), "tokens": tokens, "tags": tags})
    for row, new in zip(rows, BackTranslation().changes(rows, None, [random.Random(0)] * len(rows)), strict=True):
        if new is not None:
            assert len(new["tokens"]) == len(new["tags"])
            assert all(new["tokens"])
            assert entities(new) == entities(row)
            assert new["tokens"] != row["tokens"]


def entities(row):
    return [(kind, row["tokens"][start:end]) for start, end, kind in spans(row["tags"])]
