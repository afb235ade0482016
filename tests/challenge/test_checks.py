"""Checks: which texts they give, what counts as a failure, and how often."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tuneproof import files
from tuneproof.challenge import checks
from tuneproof.challenge.predictor import Answers
from tuneproof.evaluate import checks as judged
from tuneproof.mistakes import Mistakes, check

THIRTEEN = [str(number) for number in range(13)]


class Words:
    """`good` by the share of good words among good and bad ones; Yuki's texts are a little less so."""

    labels = ("bad", "good")

    def predict(self, texts):
        good = [sum(word in ("good", "fine") for word in text.split()) for text in texts]
        bad = [sum(word in ("bad", "dull") for word in text.split()) for text in texts]
        share = [(1 + g) / (2 + g + b) - 0.2 * ("Yuki" in text) for g, b, text in zip(good, bad, texts, strict=True)]
        return Answers(["good" if one >= 0.5 else "bad" for one in share], [np.array([1 - one, one]) for one in share])


def outcome(tmp_path, declared, rows=("a film",), *, task="classification"):
    """The row of `checks.csv` of one check on texts."""
    own = checks.Checks({"c": declared}, list(rows))
    own.look(SimpleNamespace(predict=Words().predict, labels=["bad", "good"], task=SimpleNamespace(name=task)), 0)
    own.write(tmp_path)
    about = {"seeds": [0], "checks": {"c": declared}, "unchecked": own.unchecked}
    files.write_json(tmp_path / "challenge.json", about)
    (row,) = judged.rows({"m": tmp_path}, {"confidence": 0.95})
    return row


def test_every_filling_of_every_template_is_a_case(tmp_path):
    declared = {
        "kind": "function",
        "texts": ["{what} is {good}", "so {good}"],
        "slots": {"what": ["It", "This"], "good": ["good", "fine", "grand"]},
        "expect": "good",
    }
    texts = [variant.text for variant in checks.of(declared).variants([])]
    assert texts == [
        "It is good", "It is fine", "It is grand", "This is good", "This is fine", "This is grand",
        "so good", "so fine", "so grand",
    ]  # fmt: skip
    assert outcome(tmp_path, declared)["failures"] == 0


def test_a_function_fails_where_the_class_is_another_one(tmp_path):
    declared = {"kind": "function", "texts": ["a {word} film"], "slots": {"word": ["good", "dull", "bad"]}}
    row = outcome(tmp_path, {**declared, "expect": "good"})
    assert (row["cases"], row["failures"], row["rate"]) == (3, 2, pytest.approx(2 / 3, abs=1e-6))
    # Wilson 1927, worked by hand: centre (p + z²/2n) / (1 + z²/n), z = 1.959964, n = 3
    z, n, p = 1.959964, 3, 2 / 3
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
    )
    assert row["low"] == pytest.approx(centre - half, abs=1e-5)
    assert row["high"] == pytest.approx(centre + half, abs=1e-5)
    assert (row["example"], row["answer"]) == ("a dull film", "bad (0.667)")


def test_an_identity_term_must_not_change_the_answer(tmp_path):
    declared = {
        "kind": "invariance",
        "texts": ["{who} made a {kind} film", "{who} sings"],
        "slots": {"who": ["Ann", "Yuki"], "kind": ["good", "dull"]},
        "vary": "who",
    }
    row = outcome(tmp_path, declared)
    assert (row["cases"], row["failures"]) == (
        3,
        2,
    )  # a good film (0.67, 0.47) and sings (0.5, 0.3); dull is bad anyway
    assert (row["example"], row["variant"]) == ("Ann made a good film", "Yuki made a good film")
    assert (row["answer"], row["variant_answer"]) == ("good (0.667)", "bad (0.533)")


def test_words_of_test_rows_are_replaced_as_whole_words(tmp_path):
    declared = {"kind": "invariance", "replace": {"Ann": ["Yuki", r"\1"]}}
    rows = ["Ann is good", "Anna is good", "no name"]
    assert [variant.text for variant in checks.of(declared).variants(rows)] == [
        "Ann is good", "Yuki is good", r"\1 is good",
    ]  # fmt: skip
    assert outcome(tmp_path, declared, rows)["failures"] == 1
    row = outcome(tmp_path, declared, ["nobody"])
    assert (row["cases"], row["note"]) == (0, "not defined: no test row has a word that is replaced")


def test_what_is_appended_must_not_lower_the_class(tmp_path):
    declared = {"kind": "direction", "append": ["good", "and dull"], "label": "good", "tolerance": 0.1}
    row = outcome(tmp_path, declared, ["a film", "good good good good good good good good"])
    assert (row["cases"], row["failures"]) == (2, 1)  # 1/2 → 1/3; 9/10 → 9/11
    assert (row["example"], row["variant"]) == ("a film", "a film and dull")
    assert outcome(tmp_path, {**declared, "tolerance": 0.2}, ["a film"])["failures"] == 0


def test_regression_is_judged_by_numbers(tmp_path):
    declared = {"kind": "invariance", "replace": {"Ann": ["Yuki"]}, "tolerance": 0.3}
    frame = pd.DataFrame(
        {"check": "c", "case": [0, 0, 1, 1], "place": [0, 1, 0, 1], "text": list("abcd"), "seed": 0,
         "prediction": ["1", "1.2", "1", "1.4"], "value": [1.0, 1.2, 1.0, 1.4]}
    )  # fmt: skip
    files.write_frame(tmp_path / "checks.parquet", frame)
    files.write_json(tmp_path / "challenge.json", {"seeds": [0], "checks": {"c": declared}, "unchecked": {}})
    (row,) = judged.rows({"m": tmp_path}, {"confidence": 0.95}, regression=True)
    assert (row["cases"], row["failures"], row["example"]) == (2, 1, "c")


@pytest.mark.parametrize(("declared", "task", "reason"), [
    ({"kind": "function", "texts": ["x"], "expect": "ugly"}, "classification", "no class ugly; classes: bad, good"),
    ({"kind": "function", "texts": ["x"], "expect": "bad"}, "ner", "not for ner"),
    ({"kind": "function", "texts": ["x"], "expect": "bad"}, "regression", "are for classification"),
    ({"kind": "direction", "append": ["x"]}, "classification", "label is missing"),
])  # fmt: skip
def test_a_check_that_does_not_fit_is_a_row_with_the_reason(tmp_path, declared, task, reason):
    row = outcome(tmp_path, declared, task=task)
    assert row["note"].startswith("not checked: ")
    assert reason in row["note"]
    assert "not for pairs" in checks.misfit(checks.of(declared), "classification", ["bad", "good"], pairs=True)


@pytest.mark.parametrize(("kind", "declared", "mistake"), [
    (checks.Function, {"kind": "function", "texts": ["{a}"], "expect": "x"}, 'slot found "a"; allowed: none'),
    (checks.Identity, {"kind": "invariance", "texts": ["{a}"], "slots": {"a": ["x", "y"]}, "vary": "b"}, "allowed: a"),
    (checks.Identity, {"kind": "invariance", "texts": ["{a}"], "slots": {"a": ["x"]}, "vary": "a"}, "two or more"),
    (checks.Function, {"kind": "function", "texts": ["{a}{b}{c}"], "expect": "x",
                       "slots": {"a": THIRTEEN, "b": THIRTEEN, "c": THIRTEEN}}, "found 2197 texts"),
])  # fmt: skip
def test_mistakes_in_templates_are_told(kind, declared, mistake):
    with pytest.raises(Mistakes) as found:
        check(kind, declared)
    assert mistake in str([one.text for one in found.value.mistakes])
