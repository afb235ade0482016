"""Techniques of Dai & Adel 2020: entities keep type and count, tags stay IOB2, and outcomes found by hand come out."""

import random
from collections import Counter
from typing import ClassVar

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.augment.label_wise import LabelWise, Tokens
from tuneproof.augment.ner_synonym import NerSynonym
from tuneproof.augment.shuffle import Shuffle, segments
from tuneproof.prepare.tags import spans, to_iob2

CLINICAL = {
    "id": "a",
    "tokens": [
        "She",
        "did",
        "not",
        "complain",
        "of",
        "headache",
        "or",
        "any",
        "other",
        "neurological",
        "symptoms",
        ".",
    ],
    "tags": ["O"] * 5 + ["B-problem", "O", "B-problem", "I-problem", "I-problem", "I-problem", "O"],
}
"""Of the kind of clinical sentences (i2b2) that the paper shows its techniques on."""


class Words:
    """A dictionary in WordNet's place."""

    known: ClassVar = {"film": ("movie", "motion picture"), "nice": ("fine",), "heart": ("pump", "ticker of old")}

    def synonyms(self, word):
        return self.known.get(word, ())


KINDS = st.sampled_from(["O", "per", "loc"])
TOKENS = st.lists(
    st.sampled_from(["film", "nice", "heart", "Film", "the", "Ann", ".", "@nice"]), min_size=1, max_size=5
)
SENTENCES = st.lists(st.lists(st.tuples(KINDS, TOKENS), min_size=1, max_size=6), min_size=1, max_size=6)


def made(sentences):
    rows = []
    for number, parts in enumerate(sentences):
        tokens, tags = [], []
        for kind, words in parts:
            tokens += words
            tags += ["O"] * len(words) if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (len(words) - 1)]
        rows.append({"id": str(number), "tokens": tokens, "tags": tags})
    return rows


def pieces(row):
    return [row["tokens"][start:end] for start, end in segments(row["tags"])]


def shared(technique, rows):
    return Words() if isinstance(technique, NerSynonym) else technique.prepare(pd.DataFrame(rows))


@pytest.mark.parametrize("technique", [LabelWise(rate=0.5), NerSynonym(rate=0.5), Shuffle(rate=0.5)], ids=repr)
@settings(deadline=None, max_examples=60)
@given(sentences=SENTENCES, seed=st.integers(0, 5))
def test_entities_keep_types_and_count_and_the_seed_decides(technique, sentences, seed):
    rows = made(sentences)
    known = shared(technique, rows)
    for row in rows:
        before = {"id": row["id"], "tokens": [*row["tokens"]], "tags": [*row["tags"]]}
        new = technique.change(row, known, random.Random(seed))
        assert row == before
        assert new == technique.change(row, shared(technique, rows[::-1]), random.Random(seed))
        if new is None:
            continue
        assert new["tokens"] != row["tokens"]
        assert len(new["tokens"]) == len(new["tags"])
        assert to_iob2(new["tags"]) == (new["tags"], 0)
        assert [kind for *_, kind in spans(new["tags"])] == [kind for *_, kind in spans(row["tags"])]
        assert all(token and not any(letter.isspace() for letter in token) for token in new["tokens"])
        if not isinstance(technique, NerSynonym):
            assert new["tags"] == row["tags"]
        if isinstance(technique, Shuffle):
            assert [sorted(piece) for piece in pieces(new)] == [sorted(piece) for piece in pieces(row)]
        if isinstance(technique, LabelWise):
            seen = {(tag, token) for one in rows for token, tag in zip(one["tokens"], one["tags"], strict=True)}
            assert seen.issuperset(zip(new["tags"], new["tokens"], strict=True))


def test_segments_are_mentions_and_what_stands_between():
    assert [" ".join(piece) for piece in pieces(CLINICAL)] == [
        "She did not complain of", "headache", "or", "any other neurological symptoms", "."
    ]  # fmt: skip
    assert segments(["B-per", "B-per", "I-per"]) == [(0, 1), (1, 3)]


def test_an_order_written_by_hand_is_among_the_shuffles():
    wanted = ["not", "complain", "She", "did", "of", "headache", "or", "neurological", "any", "symptoms", "other", "."]
    shuffle = Shuffle(rate=1)
    outcomes = (shuffle.change(CLINICAL, None, random.Random(seed)) for seed in range(60_000))  # one in 2,880
    found = next(row for row in outcomes if row and row["tokens"] == wanted)
    assert found["tags"] == CLINICAL["tags"]


def test_each_place_takes_what_its_tag_takes_elsewhere():
    other = {"tokens": ["L.", "One", "current", "interatrial"], "tags": ["O", "O", "I-problem", "I-problem"]}
    technique = LabelWise(rate=0.5)
    known = technique.prepare(pd.DataFrame([CLINICAL, other]))
    outcomes = [technique.change(CLINICAL, known, random.Random(seed))["tokens"] for seed in range(300)]
    assert {row[0] for row in outcomes} >= {"She", "L.", "One"}
    assert {row[10] for row in outcomes} == {"symptoms", "other", "neurological", "current", "interatrial"}
    assert {row[5] for row in outcomes} == {"headache", "any"}


def test_rate_one_replaces_every_token_that_has_an_alternative():
    technique = LabelWise(rate=1)
    row = {"tokens": ["Ann", "ran", "off", "Bob"], "tags": ["B-per", "O", "O", "B-loc"]}
    changed = technique.change(row, technique.prepare(pd.DataFrame([row])), random.Random(0))
    assert changed["tokens"] == ["Ann", "off", "ran", "Bob"]


def test_tokens_are_drawn_as_often_as_they_occur():
    tokens, rng = Tokens(Counter(a=1, b=5, c=3)), random.Random(0)
    drawn = Counter(tokens.other("b", rng) for _ in range(4000))
    assert set(drawn) == {"a", "c"}
    assert drawn["c"] / 4000 == pytest.approx(3 / 4, abs=0.03)
    assert Counter(tokens.other("z", rng) for _ in range(9000))["b"] / 9000 == pytest.approx(5 / 9, abs=0.03)
    assert Tokens(Counter(a=2)).other("a", rng) is None


def test_tags_grow_with_synonyms_of_several_words():
    row = {"tokens": ["heart", "film", "film"], "tags": ["B-problem", "I-problem", "O"]}
    grown = {}
    for seed in range(60):
        new = NerSynonym(rate=1).change(row, Words(), random.Random(seed))
        grown[" ".join(new["tokens"])] = new["tags"]
    assert grown["ticker of old motion picture motion picture"] == ["B-problem", *["I-problem"] * 4, "O", "O"]
    assert grown["pump movie movie"] == row["tags"]


def test_names_and_stop_words_stay():
    row = {"tokens": ["Nice", "Film", "the", "@film", "film-like", "FILM"], "tags": ["O"] * 6}
    assert NerSynonym(rate=1).change(row, Words(), random.Random(0))["tokens"] == ["Fine", *row["tokens"][1:]]
