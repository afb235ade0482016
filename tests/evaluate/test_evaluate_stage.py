"""The evaluate stage on small experiments whose scores are known."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuneproof.errors import DataError
from tuneproof.evaluate import FILES, compare
from tuneproof.evaluate import run as stage
from tuneproof.files import write_frame, write_json
from tuneproof.tasks.ner import Ner

SETTINGS = {
    "task": "classification",
    "dataset": "movie",
    "model": "tiny",
    "evaluation": {"bootstrap": 500, "confidence": 0.95, "seed": 0},
}


def write_prepared(folder: Path, gold: dict[str, list]) -> Path:
    for split, labels in gold.items():
        rows = pd.DataFrame({"id": [f"{split}-{i}" for i in range(len(labels))], "text": "…", "label": labels})
        write_frame(folder / f"{split}.parquet", rows)
    return folder


def write_predictions(path: Path, answers: dict[str, list], *, shuffle: int | None = None) -> Path:
    frame = pd.concat(
        [
            pd.DataFrame({"id": [f"{split}-{i}" for i in range(len(given))], "split": split, "prediction": given})
            for split, given in answers.items()
        ]
    )
    write_frame(path, frame if shuffle is None else frame.sample(frac=1, random_state=shuffle))
    return path


def answers(gold: list[str], accuracy: float, seed: int) -> list[str]:
    """Right on exactly the given share of the rows."""
    wrong = np.random.default_rng(seed).permutation(len(gold)) >= round(accuracy * len(gold))
    return ["no" if (label == "yes") == bad else "yes" for label, bad in zip(gold, wrong, strict=True)]


@pytest.fixture
def experiment(tmp_path: Path) -> tuple[Path, dict[str, Path]]:
    """`good` (0.9) and `alike` (about 0.9) are hard to tell apart, `bad` (0.6) is not; one ensemble."""
    gold = {"validation": ["yes", "no"] * 40, "test": ["yes", "no"] * 100}
    prepared = write_prepared(tmp_path / "prepared", gold)
    predictions = {}
    for method, accuracies in {"bad": (0.6, 0.61, 0.6), "good": (0.9, 0.91, 0.9), "alike": (0.9, 0.9, 0.9)}.items():
        for seed, accuracy in enumerate(accuracies):
            given = {split: answers(labels, accuracy, len(predictions)) for split, labels in gold.items()}
            key = f"{method}/seed-{seed}"
            predictions[key] = write_predictions(tmp_path / key / "predictions.parquet", given, shuffle=seed)
    given = {split: answers(labels, 0.95, 99) for split, labels in gold.items()}
    predictions["ensemble:all"] = write_predictions(tmp_path / "all" / "predictions.parquet", given)
    return prepared, predictions


def tables(out: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict]:
    scores, comparisons, groups = (pd.read_csv(out / f"{n}.csv") for n in ("scores", "comparisons", "groups"))
    return scores, comparisons, groups, json.loads((out / "metrics.json").read_text())


def test_scores_have_a_row_for_each_seed_and_one_over_all(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    scores, _, _, metrics = tables(tmp_path / "out")
    assert list(scores.columns) == [
        *("dataset", "model", "method", "kind", "split", "seed", "score", "value", "low", "high", "note")
    ]
    # two splits, six scores: three methods with three seeds and a summary, one ensemble
    assert len(scores) == 2 * 6 * (3 * 4 + 1)
    good = scores[(scores["method"] == "good") & (scores["split"] == "test") & (scores["score"] == "accuracy")]
    assert good["seed"].tolist()[:3] == [0, 1, 2]
    assert pd.isna(good["seed"].tolist()[3])
    assert good["value"].tolist() == [0.9, 0.91, 0.9, 0.903333]
    assert ((good["low"] < good["value"]) & (good["value"] < good["high"])).all()
    ensemble = scores[(scores["method"] == "all") & (scores["split"] == "test")]
    assert (ensemble["kind"] == "ensemble").all()
    assert ensemble[ensemble["value"].notna()]["note"].str.contains("one set of predictions").all()
    assert metrics["good"]["accuracy"] == 0.903333
    assert set(metrics) == {"good", "alike", "bad", "all"}


def test_comparisons_and_groups_say_what_differs(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    _, comparisons, groups, _ = tables(tmp_path / "out")
    assert list(comparisons.columns)[:11] == [
        *("dataset", "model", "a", "b", "score", "difference", "low", "high", "p", "p_holm", "distinguishable")
    ]
    assert len(comparisons) == 6
    assert (comparisons["difference"] >= 0).all()
    by_pair = comparisons.set_index(["a", "b"])
    assert not by_pair.loc[("good", "alike"), "distinguishable"]
    assert by_pair.loc[("good", "bad"), "distinguishable"]
    assert by_pair.loc[("good", "bad"), "difference"] == pytest.approx(0.3, abs=1e-6)
    assert (comparisons["p_holm"] >= comparisons["p"]).all()
    assert groups["method"].tolist() == ["all", "good", "alike", "bad"]
    letters = groups.set_index("method")["letters"]
    assert letters["all"][0] == "a"
    assert set(letters["good"]) & set(letters["alike"])
    assert not set(letters["good"]) & set(letters["bad"])


def test_equal_input_gives_equal_bytes_whatever_the_order_of_rows(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "one")
    frame = pd.read_parquet(predictions["good/seed-0"])
    write_frame(predictions["good/seed-0"], frame.iloc[::-1])
    stage.run(SETTINGS, prepared, predictions, tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_one_seed_says_what_its_interval_leaves_out(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, {k: p for k, p in predictions.items() if "seed-0" in k}, tmp_path / "out")
    scores, comparisons, _, _ = tables(tmp_path / "out")
    over_seeds = scores[scores["seed"].isna() & scores["value"].notna()]
    assert (over_seeds["note"] == "interval over seeds not defined: one seed, so that it covers the rows alone").all()
    assert comparisons["note"].str.startswith("interval over seeds not defined: one seed").all()
    assert comparisons["note"].str.contains("stochastic order not defined: one seed").all()


def test_a_single_method_has_nothing_to_be_compared_with(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, {k: p for k, p in predictions.items() if k.startswith("good")}, tmp_path / "out")
    _, comparisons, groups, _ = tables(tmp_path / "out")
    assert comparisons.empty
    assert groups.to_dict("list") == {"method": ["good"], "letters": ["a"]}


def test_a_method_that_diverged_is_last_and_stated(tmp_path):
    gold = {"validation": [0.0, 1.0, 2.0], "test": [0.0, 1.0, 2.0, 4.0]}
    prepared = write_prepared(tmp_path / "prepared", gold)
    given = {
        "fine/seed-0": {"validation": [0.1, 0.9, 2.2], "test": [0.0, 1.2, 1.9, 3.0]},
        "flat/seed-0": {"validation": [1.0] * 3, "test": [1.0] * 4},
        "lost/seed-0": {"validation": [np.nan] * 3, "test": [0.0, 1.0, np.nan, 3.0]},
    }
    predictions = {key: write_predictions(tmp_path / key / "p.parquet", rows) for key, rows in given.items()}
    stage.run({**SETTINGS, "task": "regression"}, prepared, predictions, tmp_path / "out")
    scores, comparisons, groups, metrics = tables(tmp_path / "out")
    assert groups["method"].tolist() == ["fine", "flat", "lost"]
    assert metrics["lost"]["pearson"] is None
    test = scores[(scores["split"] == "test") & (scores["score"] == "pearson") & scores["seed"].isna()]
    notes = test.set_index("method")["note"]
    assert notes["lost"] == "not defined: NaN among the predictions"
    assert notes["flat"] == "not defined: constant predictions"
    assert scores.loc[scores["low"].isna(), "note"].str.contains("not defined").all()
    undefined = comparisons.set_index(["a", "b"])
    assert not comparisons["distinguishable"].any()
    assert undefined.loc[("fine", "lost"), "note"].startswith("not defined: NaN among the predictions")
    assert undefined.loc[("fine", "flat"), "note"].startswith("not defined: constant predictions")


def test_two_rows_are_enough_to_run(tmp_path):
    prepared = write_prepared(tmp_path / "prepared", {"validation": ["a"], "test": ["a", "b"]})
    predictions = {
        f"m/seed-{seed}": write_predictions(tmp_path / f"{seed}.parquet", {"validation": ["a"], "test": given})
        for seed, given in enumerate((["a", "b"], ["a", "a"]))
    }
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    scores, *_ = tables(tmp_path / "out")
    validation = scores[(scores["split"] == "validation") & scores["seed"].isna()].set_index("score")["note"]
    assert validation["accuracy"] == validation["macro_f1"] == "interval not defined: one row"
    assert validation["mcc"] == "not defined in 2 of 2 runs: constant predictions"
    assert validation["auroc"] == "not defined in 2 of 2 runs: no probabilities"
    test = scores[(scores["split"] == "test") & (scores["score"] == "accuracy")]
    assert (test["low"].notna() | (test["note"] == "interval not defined: the same value in every resample")).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[1:], "split validation: 1 of 4 ids missing, as 'validation-0'"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "1 of 4 ids twice, as 'validation-0'"),
        (
            lambda frame: pd.concat([frame, frame.iloc[:1].assign(id="x")]),
            "split validation: 1 of 4 ids not among the prepared rows, as 'x'",
        ),
        (lambda frame: frame.drop(columns="prediction"), "no column prediction; columns found: id, split"),
    ],
)
def test_predictions_of_other_rows_are_stated_and_the_others_judged(tmp_path, change, message):
    gold = {"validation": ["a", "b"] * 2, "test": ["a", "b"]}
    prepared = write_prepared(tmp_path / "prepared", gold)
    path = write_predictions(tmp_path / "p.parquet", gold)
    write_frame(path, change(pd.read_parquet(path)))
    sound = write_predictions(tmp_path / "sound.parquet", gold)
    runs = {"m/seed-0": path, "m/seed-1": sound, "n/seed-0": path, "o/seed-0": sound, "o/seed-1": sound}
    stage.run(SETTINGS, prepared, runs, tmp_path / "out")
    scores, comparisons, groups, metrics = tables(tmp_path / "out")
    test = scores[(scores["split"] == "test") & (scores["score"] == "accuracy")]
    notes = test.set_index(["method", "seed"])["note"]
    assert message in notes["m", 0]
    assert notes["m", 0].startswith("not evaluated: ")
    over_seeds = test[test["seed"].isna()].set_index("method")
    assert over_seeds.loc["m", "value"] == 1
    assert over_seeds.loc["m", "note"].startswith("1 of 2 seeds not evaluated; ")
    assert message in over_seeds.loc["n", "note"]
    assert metrics["n"]["accuracy"] is None
    assert set(groups["method"]) == {"m", "o"}
    assert comparisons["note"].str.contains("paired over 1 of 2 seeds|no difference on any row").all()


def test_a_missing_file_is_stated_and_the_others_judged(experiment, tmp_path):
    prepared, predictions = experiment
    predictions["good/seed-1"].unlink()
    predictions["ensemble:all"].unlink()
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    scores, comparisons, groups, _ = tables(tmp_path / "out")
    notes = scores[(scores["split"] == "test") & (scores["score"] == "accuracy")].set_index(["method", "seed"])["note"]
    assert notes["good", 1] == "not evaluated: no predictions file"
    over_seeds = scores[scores["seed"].isna() & (scores["score"] == "accuracy") & (scores["split"] == "test")]
    notes = over_seeds.set_index("method")["note"]
    assert notes["good"] == "1 of 3 seeds not evaluated"
    assert notes["all"] == "not evaluated: no predictions file"
    assert set(groups["method"]) == {"good", "alike", "bad"}
    assert len(comparisons) == 3


def test_nothing_to_judge_still_gives_tables(experiment, tmp_path):
    prepared, _ = experiment
    stage.run(SETTINGS, prepared, {"m/seed-0": tmp_path / "nowhere.parquet"}, tmp_path / "out")
    scores, comparisons, groups, _ = tables(tmp_path / "out")
    assert (scores["note"] == "not evaluated: no predictions file").all()
    assert comparisons.empty
    assert groups.empty


def test_a_damaged_file_is_a_mistake(experiment, tmp_path):
    prepared, predictions = experiment
    predictions["good/seed-1"].write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        stage.run(SETTINGS, prepared, predictions, tmp_path / "out")


def test_classes_that_no_row_of_a_split_has_change_nothing(tmp_path):
    # `c` is in the data card alone, `b` not in the test split: macro F1 is over what occurs, as scikit-learn has it
    prepared = write_prepared(tmp_path / "prepared", {"validation": ["a", "b"] * 5, "test": ["a"] * 10})
    write_json(prepared / "card.json", {"labels": ["a", "b", "c"]})
    right = {"validation": ["a", "b"] * 5, "test": ["a"] * 10}
    other = {"validation": ["a", "b"] * 5, "test": ["a"] * 8 + ["b"] * 2}
    predictions = {
        f"{name}/seed-0": write_predictions(tmp_path / f"{name}.parquet", given)
        for name, given in (("right", right), ("other", other))
    }
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    scores, comparisons, _, metrics = tables(tmp_path / "out")
    assert metrics["right"]["macro_f1"] == 1
    assert metrics["other"]["macro_f1"] == pytest.approx((2 * 8 / 18 + 0) / 2, abs=1e-6)
    assert metrics["right"]["mcc"] is None
    assert comparisons["p_randomisation"].notna().all()
    test = scores[(scores["split"] == "test") & (scores["score"] == "mcc")].set_index("method")["note"]
    assert test["right"].tolist()[-1] == "not defined: constant predictions"
    assert test["other"].tolist()[-1] == "not defined: constant labels"


def test_parquet_holds_what_csv_holds_with_types(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    for name, columns in (("scores", stage.SCORES), ("comparisons", compare.COLUMNS), ("groups", compare.GROUPS)):
        typed = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        assert {column: str(kind) for column, kind in typed.dtypes.items()} == columns
        plain = pd.read_csv(tmp_path / "out" / f"{name}.csv", dtype=columns, keep_default_na=False, na_values=[""])
        pd.testing.assert_frame_equal(typed, plain)


def test_comparisons_say_what_it_would_take(experiment, tmp_path):
    prepared, predictions = experiment
    stage.run(SETTINGS, prepared, predictions, tmp_path / "out")
    pairs = tables(tmp_path / "out")[1].set_index(["a", "b"])
    clear = pairs.loc[("good", "bad")]
    assert clear["epsilon_min"] == 0
    assert clear["p_randomisation"] == pytest.approx(1 / 501, abs=1e-6)
    assert clear["rows_needed"] < clear["rows"] == 200
    assert clear["seeds_needed"] <= 3
    close = pairs.loc[("good", "alike")]
    assert close["rows_needed"] > 200 or np.isnan(close["rows_needed"])
    assert pairs.loc[("all", "good"), "seeds"] == 3


def test_keys_that_name_no_run_are_a_mistake(tmp_path):
    gold = {"validation": ["a", "b"], "test": ["a", "b"]}
    prepared, path = write_prepared(tmp_path / "prepared", gold), write_predictions(tmp_path / "p.parquet", gold)
    with pytest.raises(DataError, match="found 'm'; allowed: method/seed-N or ensemble:name"):
        stage.run(SETTINGS, prepared, {"m": path}, tmp_path / "out")
    with pytest.raises(DataError, match="'m' names a method and an ensemble"):
        stage.run(SETTINGS, prepared, {"m/seed-0": path, "ensemble:m": path}, tmp_path / "out")


def test_ner_is_scored_by_entities(tmp_path):
    gold = pd.DataFrame(
        {"id": ["a", "b", "c"], "tokens": [["w"] * 2] * 3, "tags": [["B-x", "I-x"], ["O", "B-y"], ["O", "O"]]}
    )
    for split in ("validation", "test"):
        write_frame(tmp_path / "prepared" / f"{split}.parquet", gold)
    found = [["B-x", "I-x"], ["O", "O"], ["B-x", "O"]]  # one right, one missed, one invented
    frame = pd.concat(
        [pd.DataFrame({"id": gold["id"], "split": s, "prediction": found}) for s in ("validation", "test")]
    )
    write_frame(tmp_path / "p.parquet", frame)
    stage.run(
        {**SETTINGS, "task": "ner"}, tmp_path / "prepared", {"m/seed-0": tmp_path / "p.parquet"}, tmp_path / "out"
    )
    assert tables(tmp_path / "out")[3] == {"m": {"entity_f1": 0.5, "entity_precision": 0.5, "entity_recall": 0.5}}
    assert Ner.primary == "entity_f1"


def test_ten_methods_take_a_few_seconds(tmp_path):
    generator = np.random.default_rng(0)
    classes = [f"class-{i}" for i in range(5)]
    gold = {split: generator.choice(classes, 600).tolist() for split in ("validation", "test")}
    prepared = write_prepared(tmp_path / "prepared", gold)
    keys = [f"m{method}/seed-{seed}" for method in range(10) for seed in range(3)]
    predictions = {}
    for key in [*keys, "ensemble:e0", "ensemble:e1", "ensemble:e2"]:
        given = {
            split: np.where(generator.random(600) < 0.8, labels, generator.choice(classes, 600)).tolist()
            for split, labels in gold.items()
        }
        predictions[key] = write_predictions(tmp_path / key.replace(":", "-") / "p.parquet", given)
    started = time.process_time()
    settings = {**SETTINGS, "evaluation": {"bootstrap": 2000, "confidence": 0.95, "seed": 0}}
    stage.run(settings, prepared, predictions, tmp_path / "out")
    seconds = time.process_time() - started
    print(f"{seconds:.1f} s")
    assert seconds < 20  # of the processor, however busy the machine is
    assert len(pd.read_csv(tmp_path / "out" / "comparisons.csv")) == 13 * 12 / 2


def test_an_entity_type_out_of_data_is_no_formula(tmp_path):
    gold = pd.DataFrame({"id": ["a", "b"], "tokens": [["w"]] * 2, "tags": [["B-=cmd"], ["O"]]})
    for split in ("validation", "test"):
        write_frame(tmp_path / "prepared" / f"{split}.parquet", gold)
    parts = [
        pd.DataFrame({"id": ["a", "b"], "split": s, "prediction": [["B-=cmd"], ["O"]]}) for s in ("validation", "test")
    ]
    write_frame(tmp_path / "p.parquet", pd.concat(parts))
    settings = {**SETTINGS, "task": "ner"}
    stage.run(settings, tmp_path / "prepared", {"m/seed-0": tmp_path / "p.parquet"}, tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "entities.csv")
    assert set(found["type"]) == {"'=cmd", "all"}
    assert (found.loc[found["measure"] == "f1", "value"] == 1).all()
