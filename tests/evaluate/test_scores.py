"""Scores that only evaluate has, against scikit-learn; entities against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tuneproof import statistics, tasks
from tuneproof.evaluate import entities, scores

CLASSES = ["a", "b", "c"]


def classification(labels=tuple(CLASSES)):
    return scores.of(tasks.get("classification"), scores.Labels(list(labels), list(labels)))


def answered(rows: int, classes: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(classes, size=rows)
    logits = generator.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[truth]
    given_ = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).round(2)  # ties
    given_ /= given_.sum(axis=1, keepdims=True)
    names = np.array(CLASSES)
    guess = pd.DataFrame({"prediction": names[given_.argmax(axis=1)], "probabilities": list(given_.astype(np.float32))})
    return pd.DataFrame({"label": names[truth]}), guess


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_counts_equal_scikit_learns(pairs):
    truth, guess = zip(*pairs, strict=True)
    gold, predicted = pd.DataFrame({"label": truth}), pd.DataFrame({"prediction": guess})
    found = {name: score.of(gold, predicted) for name, score in classification().items()}
    weighted = metrics.f1_score(truth, guess, average="weighted", zero_division=0)
    assert found["weighted_f1"] == pytest.approx(weighted)
    if len(set(truth)) > 1 and len(set(guess)) > 1:
        assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, guess))
    else:
        assert math.isnan(found["mcc"])
    assert math.isnan(found["auroc"])
    assert math.isnan(found["log_loss"])


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_equal_scikit_learns_also_on_resamples(classes):
    gold, predicted = answered(80, classes, 1)
    names = CLASSES[:classes]
    found = classification(names)
    counts = statistics.resamples(80, 20, seed=0)
    for rows in (np.arange(80), *(np.repeat(np.arange(80), line) for line in counts[:5])):
        truth = gold["label"].to_numpy()[rows]
        given_ = np.stack(list(predicted["probabilities"])).astype(float)[rows]
        each = [metrics.roc_auc_score(truth == name, given_[:, place]) for place, name in enumerate(names)]
        weights = np.bincount(rows, minlength=80)[None, :].astype(float)
        auroc = found["auroc"]
        assert auroc.weighted(auroc.statistics(gold, predicted), weights)[0] == pytest.approx(np.mean(each))
        loss = found["log_loss"]
        mine = loss.combine(weights @ loss.statistics(gold, predicted))[0]
        assert mine == pytest.approx(metrics.log_loss(truth, given_, labels=names), rel=1e-5)


def test_what_is_not_defined_says_why():
    gold, predicted = answered(20, 2, 0)
    two = classification(CLASSES[:2])
    assert two["auroc"].undefined(gold.assign(label="a"), predicted) == "only class a in this split"
    assert math.isnan(two["auroc"].of(gold.assign(label="a"), predicted))
    assert two["log_loss"].undefined(gold.assign(label="z"), predicted) == "class z has no probability"
    assert math.isnan(two["log_loss"].of(gold.assign(label="z"), predicted))
    assert two["mcc"].undefined(gold, predicted.assign(prediction="a")) == "constant predictions"
    assert two["auroc"].undefined(gold, predicted) == ""
    # a class of the data card that no test row has is no reason
    three = scores.Labels(CLASSES, CLASSES)
    wide = predicted.assign(probabilities=[np.append(p, 0.0) for p in predicted["probabilities"]])
    both = scores.of(tasks.get("classification"), three)
    assert both["auroc"].of(gold, wide) == pytest.approx(two["auroc"].of(gold, predicted))


def test_r2_equals_scikit_learns():
    generator = np.random.default_rng(0)
    truth = generator.normal(100, 1, 60)
    guess = truth + generator.normal(0, 0.5, 60)
    score = scores.of(tasks.get("regression"), scores.Labels(["value"], None))["r2"]
    gold, predicted = pd.DataFrame({"label": truth}), pd.DataFrame({"prediction": guess})
    assert score.of(gold, predicted) == pytest.approx(metrics.r2_score(truth, guess))
    assert score.of(gold, predicted.assign(prediction=truth.mean())) == pytest.approx(0)
    assert math.isnan(score.of(gold.assign(label=1.0), predicted))
    assert score.undefined(gold, predicted.assign(prediction=5.0)) == ""


# entities


def test_each_entity_is_of_one_kind():
    true = {("x", 0, 1), ("x", 3, 4), ("y", 6, 6), ("y", 8, 9), ("x", 12, 12)}
    guessed = {("x", 0, 1), ("x", 3, 3), ("x", 6, 6), ("x", 9, 10), ("y", 15, 15)}
    found = entities.kinds(true, guessed)
    assert found["correct"] == [("x", 0, 1)]
    assert found["boundary"] == [("x", 3, 4)]
    assert found["type"] == [("y", 6, 6)]
    assert found["type_and_boundary"] == [("y", 8, 9)]
    assert found["missing"] == [("x", 12, 12)]
    assert found["spurious"] == [("y", 15, 15)]


def test_a_predicted_entity_meets_one_true_entity_at_most():
    found = entities.kinds({("x", 0, 1), ("x", 2, 3)}, {("x", 0, 3)})
    assert (found["boundary"], found["missing"], found["spurious"]) == ([("x", 0, 1)], [("x", 2, 3)], [])


TAGS = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=2, max_size=6)


@given(SENTENCES)
def test_kinds_add_up_and_all_types_give_the_primary_score(pairs):
    from tuneproof.tasks.ner import valid_tags

    gold = pd.DataFrame({"tags": [valid_tags([t for t, _ in sentence]) for sentence in pairs]})
    guess = pd.DataFrame({"prediction": [valid_tags([g for _, g in sentence]) for sentence in pairs]})
    counts = statistics.resamples(len(gold), 20, seed=0)
    rows = pd.DataFrame(entities.rows(gold, [guess], counts, (0,), 0.95))
    if (rows["note"] == "not defined: no entity").all():
        return
    whole = rows[rows["type"] == "all"].set_index("measure")["value"]
    usual = tasks.get("ner").evaluate(gold, guess)
    assert whole["f1"] == pytest.approx(usual["entity_f1"], abs=1e-5)
    if pd.notna(whole["recall"]):
        assert whole["recall"] == pytest.approx(usual["entity_recall"], abs=1e-5)
        assert whole[["recall", "boundary", "type", "type_and_boundary", "missing"]].sum() == pytest.approx(1, abs=1e-4)
    assert whole["partial_f1"] >= whole["f1"] - 1e-9


def test_types_are_told_apart():
    gold = pd.DataFrame({"tags": [["B-x", "O"], ["B-y", "O"], ["B-x", "I-x"], ["O", "O"]]})
    guess = pd.DataFrame({"prediction": [["B-x", "O"], ["B-x", "O"], ["B-x", "O"], ["B-y", "O"]]})
    rows = pd.DataFrame(entities.rows(gold, [guess], statistics.resamples(4, 50, seed=0), (0,), 0.95))
    found = rows.set_index(["type", "measure"])["value"]
    assert found["x", "recall"] == 0.5
    assert found["x", "precision"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["x", "boundary"] == 0.5
    assert found["x", "partial_f1"] == pytest.approx(3 / 5)
    assert found["y", "type"] == 1
    assert found["y", "spurious"] == 1
    nothing = rows[(rows["type"] == "x") & (rows["measure"] == "spurious")]
    assert nothing["value"].tolist() == [0]
