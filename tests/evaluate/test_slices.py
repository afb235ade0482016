"""Slices of the test rows, against scores of the rows by themselves and a bootstrap of both sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tuneproof import params
from tuneproof.errors import ParamsError
from tuneproof.evaluate.slices import rows_of

EMPTY = {"pattern": None, "words": None, "column": None, "equals": None}
BOTH = ("validation", "test")


def declared(**given):
    return {**EMPTY, **given}


def test_a_slice_has_its_rows_and_their_scores(classified):
    out = classified.run(slices={"bad": declared(column="label", equals="bad")})
    found = pd.read_csv(out / "slices.csv").set_index("method")
    test = classified.gold["test"]
    inside = (test["label"] == "bad").to_numpy()
    frames = [pd.read_parquet(classified.predictions[f"m/seed-{seed}"]).query("split == 'test'") for seed in (0, 1)]
    right = np.mean([frame["prediction"].to_numpy() == test["label"].to_numpy() for frame in frames], axis=0)
    assert found.loc["m", "rows"] == inside.sum()
    assert found.loc["m", "value"] == pytest.approx(right[inside].mean(), abs=1e-5)
    assert found.loc["m", "rest"] == pytest.approx(right[~inside].mean(), abs=1e-5)
    assert found.loc["m", "gap"] == pytest.approx(right[inside].mean() - right[~inside].mean(), abs=2e-6)
    assert (found["gap_low"] < found["gap"]).all()
    assert (found["gap"] < found["gap_high"]).all()
    assert (found["score"] == "accuracy").all()


def test_the_interval_of_a_gap_is_that_of_two_samples(small):
    made = small("classification", ["no", "yes"])
    generator = np.random.default_rng(0)
    count = 600
    for split in BOTH:
        made.prepare(split, text=["short", "quite a bit longer"] * (count // 2), label=["yes"] * (count - 1) + ["no"])
    right = generator.random(count) < np.tile([0.9, 0.6], count // 2)
    made.predict("m/seed-0", prediction={split: ["yes" if hit else "no" for hit in right] for split in BOTH})
    found = made.read("slices", bootstrap=4000, slices={"short": declared(words=[None, 1])}).iloc[0]
    seen = np.array(["yes" if hit else "no" for hit in right]) == made.gold["test"]["label"].to_numpy()
    welch = stats.ttest_ind(seen[::2] * 1.0, seen[1::2] * 1.0, equal_var=False).confidence_interval()
    assert found["rows"] == count / 2
    assert found["gap_low"] == pytest.approx(welch.low, abs=0.006)
    assert found["gap_high"] == pytest.approx(welch.high, abs=0.006)


def test_what_puts_rows_in_a_slice():
    gold = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "text": ["not bad", "Fine", "one two three four"],
            "label": [1.0, 2.0, 2.5],
            "source": ["web", "print", "web"],
        }
    )
    for given, expected in (
        (declared(pattern=r"(?i)\b(not|fine)\b"), [True, True, False]),
        (declared(pattern="^w", column="source"), [True, False, True]),
        (declared(words=(2, 3)), [True, False, False]),
        (declared(words=(2, None)), [True, False, True]),
        (declared(words=(None, 2)), [True, True, False]),
        (declared(column="source", equals="web"), [True, False, True]),
        (declared(column="label", equals=2), [False, True, False]),
    ):
        assert rows_of(given, gold).tolist() == expected
    pairs = gold.assign(text_pair="and more")
    assert rows_of(declared(words=(4, 4)), pairs).tolist() == [True, False, False]
    sentences = pd.DataFrame({"id": ["a"], "tokens": [["Jane", "Doe"]], "tags": [["B-x", "I-x"]]})
    assert rows_of(declared(pattern="^Jane Doe$"), sentences).tolist() == [True]
    assert rows_of(declared(pattern="B-x", column="tags"), sentences).tolist() == [True]
    assert rows_of(declared(column="domain", equals="x"), gold).startswith("column 'domain' not found; columns of the")


def test_slices_without_rows_a_rest_or_a_column_are_rows_with_a_note(classified):
    declarations = {
        "all": declared(words=(0, None)),
        "few": declared(column="id", equals="test-003"),
        "none": declared(pattern="nowhere"),
        "unknown": declared(column="domain", equals="web"),
    }
    found = classified.read("slices", slices=declarations).set_index(["slice", "method"])
    assert found.loc[("none", "m"), "note"] == "not defined: no test row"
    assert found.loc[("none", "m"), "rows"] == 0
    assert found.loc[("all", "m"), "gap_note"] == "not defined: no test row outside of the slice"
    assert found.loc[("all", "m"), "value"] > 0
    assert found.loc[("few", "m"), "note"].startswith("few rows: 1; ")
    assert "column 'domain' not found" in found.loc[("unknown", "both"), "note"]
    assert found[found["gap_low"].isna()]["gap_note"].notna().all()
    assert found[found["low"].isna()]["note"].notna().all()


def test_sentences_are_sliced_and_entities_counted(tagged):
    found = tagged.read("slices", slices={"long": declared(words=(2, None)), "one": declared(words=(1, 1))})
    found = found.set_index("slice")
    # long: three sentences with two entities; seed 0 finds one and invents one, seed 1 finds both
    assert found.loc["long", "value"] == pytest.approx((0.5 + 1) / 2)
    assert found.loc["long", "gap_note"] == "not defined: no true entity outside of the slice"
    assert found.loc["one", "note"] == "not defined: no true entity"


def test_one_row_in_a_slice_has_no_interval_and_equal_scores_no_gap(small):
    made = small("classification", ["no", "yes"])
    for split in BOTH:
        made.prepare(split, text=["one", "two words", "and three words", "and more"], label=["yes", "no", "yes", "no"])
    made.predict("right/seed-0", prediction={split: gold["label"] for split, gold in made.gold.items()})
    found = made.read("slices", slices={"one": declared(words=(1, 1)), "yes": declared(column="label", equals="yes")})
    found = found.set_index("slice")
    assert "interval not defined: one row" in found.loc["one", "note"]
    assert found.loc["yes", "gap"] == 0
    assert found.loc["yes", "gap_note"] == "no gap in any resample"


def test_no_slices_are_a_table_without_rows(classified):
    assert classified.read("slices").empty


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pattern": "(x"}, 'slices.s.pattern: found "(x": missing ), unterminated subpattern'),
        ({"words": [3, 1]}, "slices.s.words: found [3, 1]; allowed: [low, high] with 0 ≤ low ≤ high, one may be null"),
        ({}, "slices.s.pattern: missing; allowed: pattern, words, equals, one of them"),
        ({"pattern": "x", "words": [1, 2]}, "slices.s.words: found pattern and words; allowed"),
        ({"equals": "x"}, "slices.s.column: missing; allowed: the column that equals is about"),
        ({"words": [1, 2], "column": "text"}, "slices.s.column: found together with words"),
        ({"wrds": [1, 2]}, "slices.s.wrds: unknown key; allowed: pattern, words, column, equals; did you mean words?"),
    ],
)
def test_mistakes_in_params_are_named(given, message):
    content = {
        "datasets": {
            "toy": {
                "task": "classification",
                "source": {"path": "toy.csv"},
                "format": {"kind": "csv"},
                "label": "label",
            }
        },
        "models": {"tiny": {"path": "tiny"}},
        "methods": {"full": {"tuning": "full"}},
        "seeds": [0],
        "evaluation": {"slices": {"s": given}},
    }
    with pytest.raises(ParamsError) as error:
        params.check(content)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
