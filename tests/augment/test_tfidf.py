"""TF-IDF based replacement against the formulas of the paper, computed by hand."""

import math
import random
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.augment.tfidf import WORD, Tfidf, corpus, probabilities

TEXTS = ["the film the plot", "the film", "the end", "the good end"]
LN2, LN4 = math.log(2), math.log(4)


def change(text, seed=0, rate=0.3, texts=TEXTS, **columns):
    row = {"id": "a", "text": text, "label": "x", **columns}
    return Tfidf(rate=rate).change(row, corpus(texts), random.Random(seed))


def test_weights_of_words_by_hand():
    found = corpus(TEXTS)
    assert found.words == ["end", "film", "good", "plot", "the"]
    assert found.idf == pytest.approx({"the": 0, "film": LN2, "end": LN2, "good": LN4, "plot": LN4})
    # S: end 2·ln 2, film 2·ln 2, good ln 4, plot ln 4, the 5·0; ln 4 = 2·ln 2, so that only `the` has a weight
    assert found.weights == pytest.approx([0, 0, 0, 0, LN4], abs=1e-12)


def test_probabilities_by_hand():
    # tf·idf: the 1/2·0, film 1/4·ln 2, plot 1/4·ln 4; C = ln 2/2; below C: ln 2 · (1/2, 1/4, 1/2, 0); Z = ln 2 · 5/16
    found = list(WORD.finditer("The film the plot"))
    assert probabilities(found, corpus(TEXTS), 0.5) == pytest.approx([0.8, 0.4, 0.8, 0])
    assert probabilities(found, corpus(TEXTS), 0.9) == pytest.approx([1, 0.72, 1, 0])


def test_words_of_other_texts_stay():
    found = list(WORD.finditer("the unseen plot"))
    # tf·idf: 0, -, ln 4/3; below C: ln 4/3, 0, 0; their mean: ln 4/9
    assert probabilities(found, corpus(TEXTS), 0.1) == pytest.approx([0.3, 0, 0])


def test_drawn_words_follow_the_weights():
    texts = ["a a a b", "a c", "a d d"]
    found = corpus(texts)
    scores = {"a": 0, "b": math.log(3), "c": math.log(3), "d": 2 * math.log(3)}
    total = sum(2 * math.log(3) - score for score in scores.values())
    drawn = Counter()
    for seed in range(3000):
        # a: 0, zzz unseen: the first word is replaced for certain (0.3·3/1 > 0.9, rate 1 gives 1)
        new = Tfidf(rate=1).change({"text": "a zzz d"}, found, random.Random(seed))
        drawn[new["text"].split()[0] if new else "a"] += 1
    for word, score in scores.items():
        assert drawn[word] / 3000 == pytest.approx((2 * math.log(3) - score) / total, abs=0.03)
    assert drawn["d"] == 0


def test_a_word_of_the_same_weight_everywhere():
    assert corpus(["one", "two"]).weights == [1.0, 2.0]
    assert corpus([]).words == []
    assert change("film film") is None
    assert change("film", rate=1) is None


def test_case_and_marks_stay():
    texts = ["now a b", "now c", "now d", "now a c"]
    for seed in range(20):
        new = change("Now (a) unseen, NOW!", seed, rate=1, texts=texts)
        if new is not None:
            first, second, rest = new["text"].split(" ", 2)
            assert first[0].isupper()
            assert second[0] + second[-1] == "()"
            assert rest.startswith("unseen, ")
            assert rest[8:-1].isupper()


def test_both_texts_of_pairs_count_and_the_first_is_changed():
    train = pd.DataFrame({"text": ["the film", "the end"], "text_pair": ["a plot a plot", "a plot"]})
    shared = Tfidf().prepare(train)
    assert shared.idf["plot"] == pytest.approx(LN2)
    row = {"id": "a", "text": "the film", "text_pair": "the plot", "label": 2.5}
    new = [Tfidf(rate=1).change(row, shared, random.Random(seed)) for seed in range(30)]
    assert any(new)
    assert all({**one, "text": "the film"} == row for one in new if one)


@pytest.mark.parametrize("text", ["@film", "#the", "http://the.film/end", "", " ", "?!"])
def test_nothing_to_change(text):
    assert change(text, rate=1) is None


@settings(deadline=None)
@given(st.lists(st.text(), max_size=4), st.text(), st.integers(0, 5), st.floats(0.01, 1))
def test_any_text(texts, text, seed, rate):
    new = change(text, seed, rate, [*texts, text])
    assert new == change(text, seed, rate, [*texts, text])
    if new is not None:
        assert {**new, "text": text} == {"id": "a", "text": text, "label": "x"}
        assert new["text"] != text
