"""Ensembles whose probabilities, weights and tags can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuneproof.ensemble import run as ensemble
from tuneproof.errors import DataError
from tuneproof.files import read_frame, sha256, write_frame, write_json

LABELS = ["no", "yes"]


def classification(ids: list[str], yes: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ids,
            "prediction": ["yes" if p > 0.5 else "no" for p in yes],
            "probabilities": [[1 - p, p] for p in yes],
        }
    )


def write_run(folder: Path, name: str, validation: pd.DataFrame, test: pd.DataFrame) -> Path:
    path = folder / "train" / name / "predictions.parquet"
    write_frame(path, pd.concat([validation.assign(split="validation"), test.assign(split="test")]))
    return path


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "prepare"
    for split, gold in (("validation", ["yes", "no", "yes", "no"]), ("test", ["yes", "no"])):
        ids = [f"{split}-{i}" for i in range(len(gold))]
        write_frame(folder / f"{split}.parquet", pd.DataFrame({"id": ids, "text": "…", "label": gold}))
    write_json(folder / "card.json", {"labels": LABELS})
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    validation, test = [f"validation-{i}" for i in range(4)], ["test-0", "test-1"]
    answers = {  # probability of yes on validation (yes no yes no), then on test (yes no)
        "full/seed-0": ([0.9, 0.8, 0.9, 0.1], [0.9, 0.6]),  # 3 of 4
        "full/seed-1": ([0.4, 0.2, 0.6, 0.4], [0.2, 0.2]),  # 3 of 4
        "lora/seed-0": ([0.3, 0.6, 0.3, 0.6], [0.1, 0.9]),  # 0 of 4
    }
    return {
        name: write_run(tmp_path, name, classification(validation, on_validation), classification(test, on_test))
        for name, (on_validation, on_test) in answers.items()
    }


def settings(**changes) -> dict:
    return {"task": "classification", "name": "e", "members": ["full/*"], "combine": {"name": "mean"}} | changes


GREEDY = {"name": "greedy", "size": 4}


def test_mean_weighs_the_matching_runs_equally(tmp_path, prepared, runs):
    ensemble.run(settings(), prepared, runs, tmp_path / "out")
    frame = read_frame(tmp_path / "out" / "predictions.parquet")
    assert frame["id"].tolist() == [*(f"validation-{i}" for i in range(4)), "test-0", "test-1"]
    assert frame["split"].tolist() == ["validation"] * 4 + ["test"] * 2
    yes = [float(p[1]) for p in frame["probabilities"]]
    assert yes == pytest.approx([0.65, 0.5, 0.75, 0.25, 0.55, 0.4])
    assert frame["prediction"].tolist()[4:] == ["yes", "no"]
    members = json.loads((tmp_path / "out" / "members.json").read_text())
    assert members["members"] == [
        {"run": name, "weight": 0.5, "sha256": sha256(runs[name])} for name in ("full/seed-0", "full/seed-1")
    ]
    assert members["path"] == []


def test_greedy_keeps_the_picks_up_to_the_best_validation_score(tmp_path, prepared, runs):
    ensemble.run(settings(members=["*"], combine=GREEDY), prepared, runs, tmp_path / "out")
    members = json.loads((tmp_path / "out" / "members.json").read_text())
    # both full runs start with 3 of 4 and the first is taken; with itself 3 of 4, with the other
    # (.65 .5 .75 .25): 0.5 is a tie, which argmax gives to the first label, no: 4 of 4
    assert members["path"][:2] == [{"run": "full/seed-0", "value": 0.75}, {"run": "full/seed-1", "value": 1.0}]
    assert len(members["path"]) == 4
    assert {m["run"]: m["weight"] for m in members["members"]} == {"full/seed-0": 0.5, "full/seed-1": 0.5}
    assert members["unused"] == ["lora/seed-0"]
    assert members["validation"] == 1.0


def test_greedy_never_looks_at_the_test_split(tmp_path, prepared, runs):
    ensemble.run(settings(members=["*"], combine=GREEDY), prepared, runs, tmp_path / "with")
    (prepared / "test.parquet").unlink()
    ensemble.run(settings(members=["*"], combine=GREEDY), prepared, runs, tmp_path / "without")
    for name in ("members.json", "predictions.parquet"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_ner_probabilities_are_averaged_word_by_word(tmp_path):
    labels = ["O", "B-x", "I-x"]
    gold = pd.DataFrame({"id": ["s"], "tokens": [["New", "York", "!"]], "tags": [["B-x", "I-x", "O"]]})
    for split in ("validation", "test"):
        write_frame(tmp_path / "prepare" / f"{split}.parquet", gold)
    write_json(tmp_path / "prepare" / "card.json", {"labels": labels})

    def answer(*words):
        tags = [labels[int(np.argmax(word))] for word in words]
        return pd.DataFrame({"id": ["s"], "prediction": [tags], "probabilities": [[list(word) for word in words]]})

    one = answer((0.6, 0.4, 0.0), (0.1, 0.2, 0.7), (0.9, 0.1, 0.0))  # O I-x O
    two = answer((0.1, 0.9, 0.0), (0.8, 0.0, 0.2), (0.5, 0.1, 0.4))  # B-x O O
    runs = {f"full/seed-{i}": write_run(tmp_path, f"full/seed-{i}", a, a) for i, a in enumerate((one, two))}
    ensemble.run(settings(task="ner"), tmp_path / "prepare", runs, tmp_path / "out")
    frame = read_frame(tmp_path / "out" / "predictions.parquet")
    # (.35 .65 0) (.45 .1 .45 → the first of equals, O) (.7 .1 .2)
    assert list(frame["prediction"][1]) == ["B-x", "O", "O"]
    np.testing.assert_allclose(np.stack(list(frame["probabilities"][1]))[0], [0.35, 0.65, 0.0], atol=1e-6)
    members = json.loads((tmp_path / "out" / "members.json").read_text())
    assert (members["score"], members["validation"]) == ("entity_f1", 0.0)


def test_no_member_is_a_mistake_that_names_patterns_and_runs(tmp_path, prepared, runs):
    with pytest.raises(DataError) as caught:
        ensemble.run(settings(members=["probe/*", "ia3/*"]), prepared, runs, tmp_path / "out")
    assert str(caught.value) == (
        "ensembles.e.members: no run matches probe/*, ia3/*; runs: full/seed-0, full/seed-1, lora/seed-0"
    )
    assert not (tmp_path / "out").exists()


def test_members_that_answer_other_rows_are_a_mistake(tmp_path, prepared, runs):
    other = classification(["validation-0", "validation-1", "validation-2", "other"], [0.5] * 4)
    runs["full/seed-2"] = write_run(tmp_path, "full/seed-2", other, classification(["test-0", "test-1"], [0.5] * 2))
    with pytest.raises(DataError, match=r"split validation: 1 of 4 ids missing, as 'validation-3'"):
        ensemble.run(settings(), prepared, runs, tmp_path / "out")


def test_undefined_validation_scores_leave_the_ensemble_out_with_the_reason(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "text": "…", "label": [0.0, 1.0, 2.0]})
    for split in ("validation", "test"):
        write_frame(tmp_path / "prepare" / f"{split}.parquet", frame)
    write_json(tmp_path / "prepare" / "card.json", {"labels": ["value"]})
    lost = pd.DataFrame({"id": ["a", "b", "c"], "prediction": [np.nan] * 3})
    runs = {"full/seed-0": write_run(tmp_path, "full/seed-0", lost, lost)}
    options = settings(task="regression", combine=GREEDY)
    ensemble.run(options, tmp_path / "prepare", runs, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "members.json").read_text())
    assert found["left_out"] == "no member has a pearson on the validation split"
    assert found["members"] == []
    assert len(read_frame(tmp_path / "out" / "predictions.parquet")) == 0


def test_members_with_the_pre_trained_body_share_a_pass(tmp_path, prepared, runs):
    ensemble.run(settings(members=["*"], frozen_body=["full"]), prepared, runs, tmp_path / "out")
    members = json.loads((tmp_path / "out" / "members.json").read_text())
    assert len(members["members"]) == 3
    assert members["forward_passes"] == 2


def test_the_order_in_which_runs_are_given_changes_nothing(tmp_path, prepared, runs):
    for combine in ("mean", "majority", "median", "stacking", "weighted", "greedy"):
        one, other = tmp_path / combine / "one", tmp_path / combine / "other"
        chosen = settings(members=["*"], combine={"name": combine})
        ensemble.run(chosen, prepared, runs, one)
        ensemble.run(chosen, prepared, dict(reversed(runs.items())), other)
        for name in ("members.json", "predictions.parquet"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), combine


def test_no_combination_opens_the_test_rows(tmp_path, prepared, runs):
    (prepared / "test.parquet").unlink()
    for combine in ("mean", "majority", "median", "stacking", "weighted", "greedy"):
        ensemble.run(settings(members=["*"], combine={"name": combine}), prepared, runs, tmp_path / combine)
        assert len(read_frame(tmp_path / combine / "predictions.parquet")) == 6
