"""Techniques: labels stay right, what is promised to stay stays, and the seed decides."""

import random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.augment import TECHNIQUES, get
from tuneproof.augment.mention import Mention
from tuneproof.augment.synonym import STOP_WORDS, Synonym
from tuneproof.prepare.tags import spans


class Words:
    """A dictionary in WordNet's place."""

    def __init__(self, **synonyms):
        self.known = synonyms

    def synonyms(self, word, parts=()):
        return self.known.get(word, ())


WORDS = Words(great=("fine",), movie=("film", "motion picture"), good=("nice",), plot=("story",), very=("extremely",))


def synonym(text, rate=1.0, seed=0, words=WORDS):
    changed = Synonym(rate=rate).change({"id": "a", "text": text, "label": "x"}, words, random.Random(seed))
    return changed and changed["text"]


def test_case_is_kept():
    assert synonym("GREAT plot. Good movie!", words=Words(great=("fine",), good=("nice",))) == "FINE plot. Nice movie!"


def test_names_stop_words_and_unknown_words_stay():
    assert synonym("The Movie was very unknown") is None
    assert synonym("the plot of Great Plot") == "the story of Great Plot"
    assert "very" in STOP_WORDS


@pytest.mark.parametrize(
    "text", ["#great", "@movie", "plot's", "so-good", "good.com", "http://x/movie", "", "?!", "plot’s"]
)
def test_parts_of_tags_addresses_and_compounds_stay(text):
    assert synonym(text) is None


def test_rate_is_a_share_of_the_content_words():
    text = "great movie good plot great movie good plot great movie"
    changed = synonym(text, rate=0.3)
    before, after = text.split(), changed.replace("motion picture", "film").split()
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 3
    assert synonym("great movie", rate=0.01) != "great movie"  # at least one


def test_other_columns_stay():
    row = {"id": "a", "text": "great", "text_pair": "great", "label": 2.5}
    changed = Synonym().change(row, WORDS, random.Random(0))
    assert changed == {**row, "text": "fine"}
    assert row["text"] == "great"


@settings(deadline=None)
@given(st.text(alphabet="abgremovi t.,!'@#é\n", max_size=60), st.integers(0, 5))
def test_all_but_the_words_stays(text, seed):
    changed = synonym(text, seed=seed, words=Words(great=("GREAT2",), movie=("MOVIE2",), more=("MORE2",)))
    if changed is not None:
        assert changed != text
        for new, old in (("great2", "great"), ("movie2", "movie"), ("more2", "more")):
            changed = changed.replace(new.upper(), old).replace(new, old)
        assert changed == text


KINDS = st.sampled_from(["per", "loc"])
TOKENS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3)
SENTENCE = st.lists(st.one_of(st.tuples(st.just("O"), TOKENS), st.tuples(KINDS, TOKENS)), min_size=1, max_size=6)


def sentence(parts):
    tokens, tags = [], []
    for kind, part in parts:
        tokens += part
        tags += ["O"] * len(part) if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (len(part) - 1)]
    return {"id": "a", "tokens": tokens, "tags": tags}


def outside(row):
    return [token for token, tag in zip(row["tokens"], row["tags"], strict=True) if tag == "O"]


@settings(deadline=None)
@given(st.lists(SENTENCE, min_size=1, max_size=6), st.integers(0, 5))
def test_mentions_keep_types_counts_and_alignment(parts, seed):
    train = pd.DataFrame([sentence(part) for part in parts])
    technique = Mention(rate=0.7)
    mentions = technique.prepare(train)
    for row in train.to_dict("records"):
        changed = technique.change(row, mentions, random.Random(seed))
        if changed is None:
            continue
        assert len(changed["tokens"]) == len(changed["tags"])
        before, after = spans(row["tags"]), spans(changed["tags"])
        assert [kind for *_, kind in before] == [kind for *_, kind in after]
        assert outside(row) == outside(changed)
        for start, end, kind in after:
            assert tuple(changed["tokens"][start:end]) in mentions[kind]
        assert changed["tokens"] != row["tokens"] or changed["tags"] != row["tags"]


def test_mentions_at_rate_one_are_all_replaced():
    train = pd.DataFrame([sentence([("per", ["Ann"]), ("O", ["saw"]), ("per", ["Bob", "Ray"])])])
    technique = Mention(rate=1)
    changed = technique.change(train.to_dict("records")[0], technique.prepare(train), random.Random(0))
    assert changed["tokens"] == ["Bob", "Ray", "saw", "Ann"]
    assert changed["tags"] == ["B-per", "I-per", "O", "B-per"]


def test_a_single_mention_cannot_be_replaced():
    train = pd.DataFrame([sentence([("per", ["Ann"]), ("O", ["ran"])])])
    technique = Mention(rate=1)
    assert technique.change(train.to_dict("records")[0], technique.prepare(train), random.Random(0)) is None


REQUIRED = {"command": {"command": ["my-program"]}}
"""Technique → options that have no default."""


@pytest.mark.parametrize("name", sorted(TECHNIQUES))
def test_contract(name):
    technique = get(name)(**REQUIRED.get(name, {}))
    assert technique.idea.endswith(".")
    assert technique.paper
    assert technique.tasks
    assert technique.copies == 1
    reason = technique.unavailable()
    assert reason is None or "\n" not in reason
    with pytest.raises(ValueError, match="frozen"):
        technique.copies = 2
