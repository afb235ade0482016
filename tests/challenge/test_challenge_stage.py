"""The stage: which rows are asked, what is written, and what of a cell that was left out."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from tuneproof import files
from tuneproof.challenge import run as stage
from tuneproof.challenge.predictor import Answers
from tuneproof.errors import DataError, MethodError

SETTINGS = {
    "task": "classification",
    "max_length": 32,
    "rows": 5,
    "seed": 0,
    "seeds": [0, 3],
    "shifts": {"case": 0.5, "typos": 1.0},
    "unavailable": {"synonym": "WordNet not found"},
    "checks": {},
    "also_test_on": [],
}


class Loud:
    """Answers `loud` where a text has a word in capitals, with the seed's certainty."""

    precision = "fp32"
    model = SimpleNamespace(device=SimpleNamespace(type="cpu"))

    def __init__(self, seed: int) -> None:
        self.sure = 0.9 - seed / 10

    def predict(self, texts):
        import numpy as np

        loud = [any(word.isupper() for word in text.split()) for text in texts]
        sure = [np.array([1 - self.sure, self.sure] if one else [self.sure, 1 - self.sure]) for one in loud]
        return Answers(["loud" if one else "quiet" for one in loud], sure)


@pytest.fixture
def prepared(tmp_path):
    texts = [f"a lovely film number {row}" for row in range(12)]
    frame = pd.DataFrame({"id": [f"r{row:02}" for row in range(12)], "text": texts, "label": ["quiet"] * 12})
    files.write_frame(tmp_path / "prepared" / "test.parquet", frame)
    return tmp_path / "prepared"


@pytest.fixture
def loud(monkeypatch):
    def load(run, model, *, max_length):
        assert (model.name, max_length) == ("model", 32)
        return Loud(int(run.name.removeprefix("seed-")))

    monkeypatch.setattr(stage.Predictor, "load", load)


def test_every_run_answers_the_same_rows_under_every_challenge(tmp_path, prepared, loud):
    stage.run(SETTINGS, prepared, tmp_path / "runs", tmp_path / "model", tmp_path / "out")
    found = files.read_frame(tmp_path / "out" / "predictions.parquet")
    assert list(found.columns) == ["seed", "challenge", "id", "changed", "prediction", "probabilities"]
    assert len(found) == 2 * 3 * 5
    groups = [list(part["id"]) for _, part in found.groupby(["seed", "challenge"], sort=False)]
    assert all(ids == groups[0] for ids in groups)
    assert len(set(groups[0])) == 5
    by_challenge = found.set_index("challenge")["prediction"]
    assert set(by_challenge["unchanged"]) == set(by_challenge["typos"]) == {"quiet"}
    assert set(by_challenge["case"]) == {"loud"}
    changed = found.groupby("challenge")["changed"].sum()
    assert changed.to_dict() == {"unchanged": 0, "case": 10, "typos": 10}
    about = files.read_json(tmp_path / "out" / "challenge.json")
    assert about["rows"] == 5
    assert about["unavailable"] == {"synonym": "WordNet not found"}
    cost = files.read_json(tmp_path / "out" / "cost.json")
    assert set(cost["latency_ms"]) == {"1", "32"}
    assert cost["hardware"]


def test_equal_settings_give_equal_bytes(tmp_path, prepared, loud):
    for name in ("one", "other"):
        stage.run(SETTINGS, prepared, tmp_path / "runs", tmp_path / "model", tmp_path / name, timed=False)
    for file in ("predictions.parquet", "challenge.json", "cost.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_labels_are_not_read(tmp_path, prepared, loud, monkeypatch):
    read, seen = pd.read_parquet, []

    def spy(path, *, columns, **options):
        seen.append(columns)
        return read(path, columns=columns, **options)

    monkeypatch.setattr(pd, "read_parquet", spy)
    stage.chosen(prepared / "test.parquet", 5, seed=0)
    assert seen == [["id", "text"]]


def test_another_seed_draws_other_rows_and_few_rows_are_all_taken(prepared):
    test = prepared / "test.parquet"
    assert stage.chosen(test, 5, seed=0)[0] != stage.chosen(test, 5, seed=1)[0]
    assert stage.chosen(test, 5, seed=0)[0] == sorted(stage.chosen(test, 5, seed=0)[0])
    assert len(stage.chosen(test, 100, seed=0)[0]) == 12


def test_a_cell_that_was_left_out_gives_an_empty_table_with_the_reason(tmp_path, prepared, monkeypatch):
    def load(run, model, *, max_length):
        raise MethodError("prefix does not fit\n this model")

    monkeypatch.setattr(stage.Predictor, "load", load)
    stage.run(SETTINGS, prepared, tmp_path / "runs", tmp_path / "model", tmp_path / "out")
    assert len(files.read_frame(tmp_path / "out" / "predictions.parquet")) == 0
    assert files.read_json(tmp_path / "out" / "challenge.json") == {"left_out": "prefix does not fit this model"}
    assert files.read_json(tmp_path / "out" / "cost.json") == {}


def test_pairs_and_sentences_are_read_as_what_they_are(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "text_pair": ["u", "v"], "label": [1.0, 2.0]})
    files.write_frame(tmp_path / "pairs.parquet", frame)
    assert stage.chosen(tmp_path / "pairs.parquet", 2, seed=0)[1] == [("x", "u"), ("y", "v")]
    files.write_frame(tmp_path / "ner.parquet", pd.DataFrame({"id": ["a"], "tokens": [["Ann", "met"]]}))
    assert stage.chosen(tmp_path / "ner.parquet", 2, seed=0)[1] == [["Ann", "met"]]


def test_a_missing_or_empty_split_is_named(tmp_path):
    with pytest.raises(DataError, match="file not found"):
        stage.chosen(tmp_path / "test.parquet", 2, seed=0)
    files.write_frame(tmp_path / "test.parquet", pd.DataFrame({"id": [], "text": []}))
    with pytest.raises(DataError, match="no rows"):
        stage.chosen(tmp_path / "test.parquet", 2, seed=0)
