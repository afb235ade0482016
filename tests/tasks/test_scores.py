"""Scores as sums over examples equal the libraries' own, also on resamples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score
from sklearn.metrics import f1_score as macro

from tuneproof import tasks
from tuneproof.tasks.ner import entities, valid_tags

TAGS = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=8)


@given(SENTENCES)
def test_entity_scores_equal_seqeval(pairs):
    truth = [valid_tags([gold for gold, _ in sentence]) for sentence in pairs]
    guess = [valid_tags([predicted for _, predicted in sentence]) for sentence in pairs]
    scores = tasks.get("ner").evaluate(pd.DataFrame({"tags": truth}), pd.DataFrame({"prediction": guess}))
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert scores["entity_f1"] == pytest.approx(f1_score(truth, guess, **strict))
    assert scores["entity_precision"] == pytest.approx(precision_score(truth, guess, **strict))
    assert scores["entity_recall"] == pytest.approx(recall_score(truth, guess, **strict))


def test_entities_are_strict():
    assert entities(["B-a", "I-a", "O", "I-b", "B-b"]) == {("a", 0, 1), ("b", 4, 4)}
    assert entities(["B-a", "B-a", "I-b"]) == {("a", 0, 0), ("a", 1, 1)}


@given(st.lists(TAGS, max_size=12))
def test_valid_tags_are_valid_and_keep_valid_ones(tags):
    repaired = valid_tags(tags)
    assert all(not tag.startswith("I-") or (i > 0 and repaired[i - 1][2:] == tag[2:]) for i, tag in enumerate(repaired))
    assert valid_tags(repaired) == repaired
    assert [tag[2:] for tag in repaired] == [tag[2:] for tag in tags]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_classification_scores_equal_sklearn(pairs):
    truth, guess = zip(*pairs, strict=True)
    scores = tasks.get("classification").evaluate(pd.DataFrame({"label": truth}), pd.DataFrame({"prediction": guess}))
    assert scores["accuracy"] == pytest.approx(accuracy_score(truth, guess))
    assert scores["macro_f1"] == pytest.approx(macro(truth, guess, average="macro", zero_division=0))


def test_regression_scores_equal_scipy():
    rng = np.random.default_rng(0)
    gold = rng.normal(size=50) + 100
    guess = gold + rng.normal(size=50)
    scores = tasks.get("regression").evaluate(pd.DataFrame({"label": gold}), pd.DataFrame({"prediction": guess}))
    assert scores["pearson"] == pytest.approx(pearsonr(gold, guess)[0])
    assert scores["spearman"] == pytest.approx(spearmanr(gold, guess)[0])
    assert scores["mae"] == pytest.approx(np.abs(gold - guess).mean())


def test_a_constant_prediction_has_no_correlation():
    frame = pd.DataFrame({"label": [1.0, 2.0, 3.0]})
    assert tasks.get("regression").evaluate(frame, pd.DataFrame({"prediction": [5.0] * 3}))["pearson"] == 0.0


@pytest.mark.parametrize("name", tasks.TASKS)
def test_weighted_sums_are_resamples(name):
    """The bootstrap's matrix product gives what scoring the repeated rows gives."""
    task = tasks.get(name)
    gold, guess = {
        "classification": (pd.DataFrame({"label": list("aabbc")}), pd.DataFrame({"prediction": list("ababc")})),
        "regression": (pd.DataFrame({"label": [1.0, 2, 3, 5, 4]}), pd.DataFrame({"prediction": [1.0, 2, 2, 4, 5]})),
        "ner": (
            pd.DataFrame({"tags": [["B-a", "O"], ["O"], ["B-b"], ["B-a", "I-a"], ["O", "B-b"]]}),
            pd.DataFrame({"prediction": [["B-a", "O"], ["B-a"], ["O"], ["B-a", "I-a"], ["B-b", "O"]]}),
        ),
    }[name]
    rows = [0, 0, 3, 4, 4]
    weights = np.bincount(rows, minlength=5)
    for score_name, score in task.scores().items():
        if score_name == "spearman":
            continue  # a resample keeps the sample's ranks; see its docstring
        resampled = score.combine(weights @ score.statistics(gold, guess))
        again = task.evaluate(gold.iloc[rows].reset_index(drop=True), guess.iloc[rows].reset_index(drop=True))
        assert float(resampled) == pytest.approx(again[score_name])


def test_combining_equal_members_changes_nothing():
    probabilities = [np.array([0.2, 0.8], np.float32), np.array([0.7, 0.3], np.float32)]
    member = pd.DataFrame({"id": ["x", "y"], "probabilities": probabilities})
    combined = tasks.get("classification").combine([member, member], [1.0, 1.0], ["no", "yes"])
    assert combined["prediction"] == ["yes", "no"]
    assert np.allclose(combined["probabilities"], probabilities)


def test_combining_weighs_members():
    first = pd.DataFrame({"prediction": [1.0, 2.0]})
    second = pd.DataFrame({"prediction": [4.0, 2.0]})
    assert tasks.get("regression").combine([first, second], [2.0, 1.0], ["value"])["prediction"] == [2.0, 2.0]
