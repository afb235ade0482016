"""The word-substitution attack, against models whose answers are known: sums of weights of words."""

import re
import time

import numpy as np
import pytest
from scipy.special import expit

from tuneproof.augment import wordnet
from tuneproof.challenge.attack import SENSES, Attack, run

WEIGHTS = {"great": 3.0, "good": 2.0, "fine": 0.5, "neat": -0.5, "odd": -4.0, "film": 0.2, "movie": 0.1}
SYNONYMS = {"great": ["good", "fine"], "film": ["movie", "picture"], "plot": ["story"], "acting": ["playing"]}


class Victim:
    """p(second class) is the logistic function of the sum of the words' weights; it counts what it is asked."""

    def __init__(self, weights=WEIGHTS):
        self.weights, self.asked, self.rounds = weights, [], 0

    def __call__(self, texts):
        self.rounds += 1
        self.asked += texts
        words = [re.findall("[a-z]+", text.lower()) for _, text in texts]
        second = expit(np.array([sum(self.weights.get(word, 0.0) for word in row) for row in words]) - 1.0)
        return np.stack([1 - second, second], axis=1)


def synonyms(word):
    return SYNONYMS.get(word, ())


def attacked(texts, victim=None, options=None, **more):
    return run(texts, victim or Victim(), more.pop("synonyms", synonyms), options or Attack(), **more)


def test_the_important_word_gives_way_to_the_synonym_that_changes_the_answer():
    victim = Victim()
    (found,) = attacked(["A great film."], victim)
    # 3 + 0.2 - 1 > 0: without `great` the answer changes, so it is first; `good` keeps it (1.2), `fine` does not (-0.3)
    assert found.success
    assert found.text == "A fine film."
    assert (found.words, found.words_changed) == (3, 1)
    # the text, two deletions (great, film), two synonyms of great
    assert found.queries == 5 == len(victim.asked)
    assert [text for _, text in victim.asked] == [
        "A great film.", "A  film.", "A great .", "A good film.", "A fine film.",
    ]  # fmt: skip


def test_where_no_synonym_changes_the_answer_the_best_ones_stay_and_it_is_no_success():
    (found,) = attacked(["Great film, good good plot."])  # 3 + .2 + 4 - 1: replacing all leaves 0.5 + 0 + 4 - 1 > 0
    assert not found.success
    assert found.text == "Fine picture, good good plot."  # `story` weighs what `plot` does: it is left
    assert found.words_changed == 2


def test_it_never_asks_for_more_than_its_budget_and_counts_each_row():
    texts = ["Great film plot acting great film plot acting.", "A good film.", "", "great plot"]
    for budget in range(2, 30):
        victim = Victim({"great": 30.0})
        found = attacked(texts, victim, Attack(budget=budget))
        counts = [sum(place == row for place, _ in victim.asked) for row in range(len(texts))]
        assert [one.queries for one in found] == counts
        assert max(counts) <= budget


def test_a_larger_budget_finds_what_a_smaller_one_does_not():
    text = ["acting plot film great"]
    assert not attacked(text, options=Attack(budget=4))[0].success
    assert attacked(text, options=Attack(budget=20))[0].success


def test_rows_are_answered_together_and_do_not_change_each_other():
    texts = ["A great film.", "The plot is great.", "odd acting", "Great great great plot."]
    together = Victim()
    found = attacked(texts, together)
    assert found == attacked(texts)
    assert found == [attacked([text])[0] for text in texts]
    assert together.rounds < sum(one.queries for one in found) / 2


def test_stop_words_and_names_are_kept():
    asked = []

    def every_word(word):
        asked.append(word)
        return ["odd"]

    attacked(["It would not have been like that, said Great of Film."], synonyms=every_word)
    assert asked == ["like", "said"]


def test_candidates_are_cut_at_the_stated_number():
    victim = Victim({"great": 30.0})
    attacked(["great"], victim, Attack(candidates=3), synonyms=lambda word: [f"{word}{n}" for n in range(9)])
    assert [text for _, text in victim.asked] == ["great", "", "great0", "great1", "great2"]


def test_texts_that_are_not_similar_enough_are_not_tried():
    def similar(text, others):
        return np.array([0.2 if "fine" in other else 0.9 for other in others])

    loose, strict = (
        attacked(["A great film."], options=Attack(similarity=least), similar=similar)[0] for least in (0.1, 0.5)
    )
    assert loose.success
    assert not strict.success
    assert "fine" not in strict.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\x00\ufeff\u202e",
        "😀😀",
        "=cmd()",
        "<script>great</script>",
        "A" * 50_000,
        "Great " * 20_000,
        "'" * 999,
    ],
)
def test_hostile_texts_are_attacked_or_left_within_the_budget(text):
    start = time.perf_counter()
    (found,) = attacked([text], options=Attack(budget=10))
    assert found.queries <= 10
    assert found.words == len(text.split())
    assert time.perf_counter() - start < 5


def test_no_text_is_no_work():
    victim = Victim()
    assert attacked([], victim) == []
    assert victim.asked == []


@pytest.mark.skipif(wordnet.find() is None, reason=f"no WordNet; {wordnet.HOW_TO_GET}")
def test_with_the_real_wordnet_words_keep_their_inflection_and_case():
    net = wordnet.load()
    (found,) = attacked(
        ["Films amused us."],
        Victim({"films": 2.0, "amused": 2.0}),
        synonyms=lambda word: net.synonyms(word, SENSES),
    )
    assert found.success
    first, second, _ = found.text.split()
    assert (first, second) != ("Films", "amused")
    assert first[0].isupper()
    assert first.endswith("s")
    assert second.endswith("ed")
