"""Combinations on answers whose weights, votes and regressions can be worked out apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof import ensemble, tasks
from tuneproof.ensemble.base import Members
from tuneproof.ensemble.greedy import select
from tuneproof.ensemble.weighted import least_squares, mixture
from tuneproof.errors import MethodError
from tuneproof.tasks.ner import valid_tags

LABELS = {"classification": ["no", "so", "yes"], "regression": ["value"], "ner": ["O", "B-x", "I-x", "B-y", "I-y"]}
MERGING = ["greedy", "majority", "mean", "median", "stacking", "weighted"]
PAIRS = [(name, task) for name in MERGING for task in ensemble.get(name).tasks]


def frame(task: str, values: np.ndarray) -> pd.DataFrame:
    """Answers of one member: rows × labels (ner: sentences of three words each, rows × 3 × labels)."""
    labels = LABELS[task]
    ids = [f"r{row}" for row in range(len(values))]
    if task == "regression":
        return pd.DataFrame({"id": ids, "prediction": values[:, 0]})
    if task == "ner":
        tags = [valid_tags([labels[place] for place in row.argmax(axis=-1)]) for row in values]
        return pd.DataFrame({"id": ids, "prediction": tags, "probabilities": [list(row) for row in values]})
    named = [labels[place] for place in values.argmax(axis=-1)]
    return pd.DataFrame({"id": ids, "prediction": named, "probabilities": list(values)})


def members(task: str, count: int = 4, rows: int = 30, seed: int = 0) -> Members:
    """Members that are right more often than not, with noise of their own."""
    random, labels = np.random.default_rng(seed), LABELS[task]
    if task == "regression":
        right = random.normal(3, 2, rows)
        gold = pd.DataFrame({"label": right})
        drawn = [right[:, None] + random.normal(0, 0.5 + place, (rows, 1)) for place in range(count)]
    else:
        shape = (rows, 3) if task == "ner" else (rows,)
        right = random.integers(len(labels), size=shape)
        right.flat[: len(labels)] = range(len(labels))
        logits = [
            2 * np.eye(len(labels))[right] + random.normal(0, 1 + place / 2, (*shape, len(labels)))
            for place in range(count)
        ]
        drawn = [np.exp(one) / np.exp(one).sum(axis=-1, keepdims=True) for one in logits]
        named = [[labels[place] for place in np.atleast_1d(row)] for row in right]
        gold = pd.DataFrame(
            {"tags": [valid_tags(tags) for tags in named]} if task == "ner" else {"label": [n for (n,) in named]}
        )
    answers = [frame(task, values.astype(np.float32).astype(np.float64)) for values in drawn]
    names = [f"full/seed-{place}" for place in range(count)]
    return Members(tasks.get(task), labels, names, {"validation": answers, "test": answers}, gold)


def by(name: str, **options: Any) -> Any:
    return ensemble.get(name)(**options)


def numbers(answers: Any) -> np.ndarray:
    """Probabilities (or numbers) as one array, rows first."""
    if "probabilities" not in answers:
        return np.array(list(answers["prediction"]))
    return np.array([np.stack(list(row)) for row in answers["probabilities"]])


def permuted(some: Members, order: list[int]) -> Members:
    answers = {split: [frames[place] for place in order] for split, frames in some.answers.items()}
    return some._replace(names=[some.names[place] for place in order], answers=answers)


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_the_members_order_changes_nothing(name: str, task: str) -> None:
    some, order = members(task), [2, 0, 3, 1]
    one, other = by(name).combine(some), by(name).combine(permuted(some, order))
    # EM and L-BFGS stop near the optimum, not at it
    for split in ("validation", "test"):
        np.testing.assert_allclose(numbers(one.answers[split]), numbers(other.answers[split]), atol=2e-3)
    assert [one.weights[place] for place in order] == pytest.approx(other.weights, abs=2e-3)


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if pair[0] != "stacking"])
def test_one_member_answers_as_itself(name: str, task: str) -> None:
    some = members(task, count=1)
    found = by(name).combine(some)
    assert found.weights == [1.0]
    alone = some.answers["test"][0]
    assert found.answers["test"]["prediction"] == alone["prediction"].tolist()
    if name != "majority" and task != "regression":  # a vote's probabilities are shares of votes
        np.testing.assert_allclose(numbers(found.answers["test"]), numbers(alone), atol=1e-6)


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if pair[0] != "stacking"])
def test_equal_members_answer_as_one(name: str, task: str) -> None:
    """Not so for stacking, whose penalty is on each member's coefficients."""
    alone = members(task, count=1)
    answers = {split: frames * 3 for split, frames in alone.answers.items()}
    found = by(name).combine(alone._replace(names=["a/seed-0", "a/seed-1", "a/seed-2"], answers=answers))
    expected = alone.answers["test"][0]["prediction"].tolist()
    if task == "regression":
        assert found.answers["test"]["prediction"] == pytest.approx(expected)
    else:
        assert found.answers["test"]["prediction"] == expected


@pytest.mark.parametrize("name", MERGING)
def test_entities_are_valid_sequences(name: str) -> None:
    found = by(name).combine(members("ner", seed=3))
    for tags in [*found.answers["validation"]["prediction"], *found.answers["test"]["prediction"]]:
        assert tags == valid_tags(tags)


@pytest.mark.parametrize("name", MERGING)
def test_a_nan_answer_is_told_or_passed_on(name: str) -> None:
    some = members("regression")
    some.answers["validation"][1].loc[0, "prediction"] = np.nan
    if name in ("mean", "greedy"):
        by(name).combine(some)
    elif name != "majority":
        with pytest.raises(MethodError, match=r"^full/seed-1 has NaN among its answers$"):
            by(name).combine(some)


# greedy


def test_greedy_may_pick_a_member_twice() -> None:
    # Pearson of 2·a + b is 1: a = (0, 1, 3), b = (0, 1, 0)
    a, b = (frame("regression", np.array([values]).T) for values in ([0.0, 1.0, 3.0], [0.0, 1.0, 0.0]))
    gold = pd.DataFrame({"label": [0.0, 1.0, 2.0]})
    answers = {"validation": [a, b], "test": [a, b]}
    some = Members(tasks.get("regression"), ["value"], ["a/seed-0", "b/seed-0"], answers, gold)
    picks, values = select(some, 3)
    assert picks == [0, 0, 1]
    assert values == pytest.approx([0.9820, 0.9820, 1.0], abs=1e-4)
    assert by("greedy", size=3).combine(some).weights == pytest.approx([2 / 3, 1 / 3])


# weighted


def test_weights_by_score_are_in_proportion() -> None:
    values = np.eye(3)[[0, 1, 2, 0]]
    half = np.eye(3)[[0, 1, 0, 1]]
    gold = pd.DataFrame({"label": ["no", "so", "yes", "no"]})
    answers = [frame("classification", values), frame("classification", half)]
    some = Members(
        tasks.get("classification"),
        LABELS["classification"],
        ["a", "b"],
        {"validation": answers, "test": answers},
        gold,
    )
    assert by("weighted", by="score").combine(some).weights == pytest.approx([1 / 1.5, 0.5 / 1.5])


def test_mixture_weights_of_two_by_hand() -> None:
    # a is right with certainty on three of four rows, b on the fourth: the mixture's likelihood is w³ (1 − w)
    likelihoods = np.array([[1, 1, 1, 0], [0, 0, 0, 1.0]])
    assert mixture(likelihoods) == pytest.approx([0.75, 0.25], abs=1e-5)


@given(st.integers(0, 1000))
def test_no_other_mixture_is_likelier(seed: int) -> None:
    random = np.random.default_rng(seed)
    p = random.uniform(0.01, 1, (3, 20))
    best = np.log(mixture(p) @ p).mean()
    others = random.dirichlet(np.ones(3), 200)
    assert best >= np.log(others @ p).mean(axis=1).max() - 1e-5


@given(st.integers(0, 1000), st.sampled_from([1e-3, 1.0, 1e4]))
def test_no_other_weights_have_a_smaller_squared_error(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    right = scale * random.normal(size=15)
    given_ = right + scale * random.normal(random.normal(size=(3, 1)), 1, size=(3, 15))
    found = least_squares(given_, right)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    error = ((found @ given_ - right) ** 2).mean()
    others = random.dirichlet(np.ones(3), 200)
    assert error <= ((others @ given_ - right) ** 2).mean(axis=1).min() * (1 + 1e-9)


def test_labels_that_no_member_knows_do_not_weigh() -> None:
    some = members("classification")
    gold = some.gold.assign(label=["other" if row < 3 else label for row, label in enumerate(some.gold["label"])])
    shorter = {split: [one.iloc[3:].reset_index(drop=True) for one in frames] for split, frames in some.answers.items()}
    less = some._replace(gold=gold.iloc[3:].reset_index(drop=True), answers=shorter)
    assert by("weighted").combine(some._replace(gold=gold)).weights == by("weighted").combine(less).weights


# majority and median


def test_a_tie_of_votes_goes_to_the_larger_mean_probability() -> None:
    #                        no   so   yes
    ballots = np.array([[[0.5, 0.1, 0.4]], [[0.5, 0.1, 0.4]], [[0.0, 0.3, 0.7]], [[0.0, 0.3, 0.7]], [[0.1, 0.8, 0.1]]])
    answers = [frame("classification", values) for values in ballots]
    gold = pd.DataFrame({"label": ["no"]})
    some = Members(
        tasks.get("classification"),
        LABELS["classification"],
        list("abcde"),
        {"validation": answers, "test": answers},
        gold,
    )
    found = by("majority").combine(some).answers["test"]
    assert found["prediction"] == ["yes"]  # 2 votes each for no and yes; means .22 and .46; so has .32, and one vote
    np.testing.assert_allclose(found["probabilities"][0], [0.4, 0.2, 0.4], atol=1e-6)


def test_the_majority_of_words() -> None:
    labels = LABELS["ner"]
    sentences = [["B-x", "I-x", "O"], ["O", "I-x", "O"], ["B-x", "O", "B-y"]]
    values = [np.eye(len(labels))[[[labels.index(tag) for tag in tags]]] for tags in sentences]
    answers = [frame("ner", one) for one in values]
    gold = pd.DataFrame({"tags": [["B-x", "I-x", "O"]]})
    some = Members(tasks.get("ner"), labels, list("abc"), {"validation": answers, "test": answers}, gold)
    # the second says O B-x O once its sequence is made valid: one vote each for I-x, B-x and O; the means are of I-x
    assert by("majority").combine(some).answers["test"]["prediction"] == [["B-x", "I-x", "O"]]


def test_a_member_far_off_does_not_move_the_median() -> None:
    some = members("regression", count=3)
    some.answers["test"][2]["prediction"] = 1e9
    found = by("median").combine(some).answers["test"]["prediction"]
    first, second = (some.answers["test"][place]["prediction"].to_numpy() for place in (0, 1))
    assert found == pytest.approx(np.maximum(first, second))


def test_medians_of_probabilities_are_divided_by_their_sum() -> None:
    given_ = [np.array([[0.7, 0.3, 0.0]]), np.array([[0.5, 0.1, 0.4]]), np.array([[0.3, 0.2, 0.5]])]
    answers = [frame("classification", values) for values in given_]
    some = members("classification", count=3)._replace(answers={"validation": answers, "test": answers})
    found = by("median").combine(some).answers["test"]["probabilities"][0]
    np.testing.assert_allclose(found, np.array([0.5, 0.2, 0.4]) / 1.1, atol=1e-6)
    certain = [frame("classification", np.eye(3)[[place]]) for place in range(3)]
    found = by("median").combine(some._replace(answers={"validation": certain, "test": certain}))
    np.testing.assert_allclose(found.answers["test"]["probabilities"][0], np.full(3, 1 / 3), atol=1e-6)


# stacking


def test_stacking_is_scikit_learns_own_on_the_same_folds() -> None:
    """`StackingClassifier` would fit the members itself; its last step and `cross_val_predict` are what is compared."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    some = members("classification", rows=60)
    found = by("stacking", folds=4, c=0.5).combine(some)
    inputs = np.concatenate([np.stack(list(one["probabilities"])) for one in some.answers["validation"]], axis=1)
    model = LogisticRegression(C=0.5, max_iter=5000)
    deal = StratifiedKFold(4, shuffle=True, random_state=0)
    held_out = cross_val_predict(model, inputs, some.gold["label"], cv=deal, method="predict_proba")
    np.testing.assert_allclose(numbers(found.answers["validation"]), held_out, atol=1e-5)
    whole = model.fit(inputs, some.gold["label"]).predict_proba(inputs)
    np.testing.assert_allclose(numbers(found.answers["test"]), whole, atol=1e-5)
    coefficients = found.about["coefficients"]
    np.testing.assert_allclose(coefficients["weight"]["full/seed-1"], model.coef_[:, 3:6], rtol=1e-4, atol=1e-4)
    assert coefficients["outputs"] == ["no", "so", "yes"]


def test_stacking_numbers_is_ridge_whatever_their_scale() -> None:
    some = members("regression", rows=300)
    found = by("stacking").combine(some)
    scaled = some._replace(
        gold=some.gold * 1000 - 7,
        answers={
            s: [one.assign(prediction=one["prediction"] * 1000 - 7) for one in f] for s, f in some.answers.items()
        },
    )
    again = by("stacking").combine(scaled)
    np.testing.assert_allclose(
        (numbers(again.answers["test"]) + 7) / 1000, numbers(found.answers["test"]), rtol=1e-5, atol=1e-5
    )
    coefficients = found.about["coefficients"]
    inputs = np.stack([one["prediction"].to_numpy() for one in some.answers["test"]])
    weights = np.array([coefficients["weight"][name][0][0] for name in some.names])
    np.testing.assert_allclose(weights @ inputs + coefficients["bias"][0], numbers(found.answers["test"]), rtol=1e-4)
    error = np.mean((numbers(found.answers["validation"]) - some.gold["label"]) ** 2)
    alone = min(np.mean((row - some.gold["label"]) ** 2) for row in inputs)
    assert error < alone


def test_stacking_answers_a_row_without_having_seen_its_label() -> None:
    """With labels drawn at random there is nothing to learn: an honest accuracy stays near chance."""
    random = np.random.default_rng(0)
    some = members("classification", count=20, rows=90, seed=1)
    drawn = some.gold.assign(label=random.permutation(some.gold["label"].to_numpy()))
    found = by("stacking", c=100.0).combine(some._replace(gold=drawn))
    honest = np.mean([a == b for a, b in zip(found.answers["validation"]["prediction"], drawn["label"], strict=True)])
    fitted = np.mean([a == b for a, b in zip(found.answers["test"]["prediction"], drawn["label"], strict=True)])
    assert fitted > 0.75  # the same rows, as those it was fitted on
    assert honest < 0.5


def test_sentences_stay_in_one_fold() -> None:
    some = members("ner", rows=12)
    fold = by("stacking", folds=4)._fold_of_units(some, np.zeros(36, dtype=int))
    assert (fold.reshape(12, 3) == fold.reshape(12, 3)[:, :1]).all()
    assert sorted(set(fold)) == [0, 1, 2, 3]


def test_stacking_with_one_label_is_not_defined() -> None:
    some = members("classification")
    one = some._replace(gold=some.gold.assign(label="no"))
    with pytest.raises(MethodError, match="stacking needs two labels among the validation rows"):
        by("stacking").combine(one)


def test_a_label_without_validation_rows_has_no_chance() -> None:
    some = members("classification")
    without = some._replace(gold=some.gold.replace({"label": {"yes": "no"}}))
    found = numbers(by("stacking").combine(without).answers["test"])
    assert (found[:, 2] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_the_page_names_every_combination_and_its_options() -> None:
    text = (Path(__file__).parents[2] / "docs/ensembles.md").read_text(encoding="utf-8")
    for name in ensemble.COMBINATIONS:
        (line,) = (row for row in text.splitlines() if row.startswith(f"| `{name}` |"))
        assert [option for option in ensemble.get(name).model_fields if f"`{option}`" not in line] == []
        assert set(ensemble.get(name).tasks) == {"classification", "regression", "ner"} or "Not for regression" in line
