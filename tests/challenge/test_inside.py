"""What is found inside the runs of a cell: its tables, and the notes where there is nothing to say."""

import numpy as np
import pytest

from tuneproof import files
from tuneproof.augment import wordnet
from tuneproof.challenge.attack import Attack
from tuneproof.challenge.attributions import Explain
from tuneproof.challenge.inside import OFF, TABLES, Inside

ROWS = (["t1", "t2", "t3"], ["a great and funny film", "dull , long and bad", "why not"])
TRAINING = (["n1", "n2", "n3", "n4"], ["dull , long and bad", "so it is", "a great film", "what"])
SENTENCES = (["t1", "t2"], [["Ann", "lives", "in", "York"], ["the", "York", "train"]])
ALL = {
    "attack": Attack(rows=3, budget=12).model_dump(),
    "explain": Explain(rows=2, steps=2, neighbours=2).model_dump(),
    "forgetting": True,
}


def looked(predictor, folder, out, settings=ALL, rows=ROWS, training=TRAINING, seeds=(0,), tuning="full"):
    inside = Inside(settings, rows, lambda most: (training[0][:most], training[1][:most]), folder)
    files.write_json(out / "run" / "checkpoint" / "tuneproof.json", {"tuning": {"name": tuning}})
    for seed in seeds:
        inside.look(predictor, seed, out / "run")
    inside.write(out)
    return inside.notes, {name: files.read_frame(out / f"{name}.parquet") for name in TABLES}


@pytest.mark.skipif(wordnet.find() is None, reason=f"no WordNet; {wordnet.HOW_TO_GET}")
def test_a_classifier_is_attacked_explained_and_compared_with_what_it_was(predictor, tiny_folder, tmp_path):
    one = predictor("classification")
    notes, found = looked(one, tiny_folder, tmp_path, seeds=(0, 1))
    assert notes == {}
    attack = found["attack"]
    assert list(zip(attack["seed"], attack["id"], strict=True)) == [(seed, row) for seed in (0, 1) for row in ROWS[0]]
    assert (attack["queries"] <= 12).all()
    for row in attack[attack["success"]].itertuples():
        before, after = one.predict([ROWS[1][ROWS[0].index(row.id)], row.text]).prediction
        assert before != after  # what was stored does change the answer
    assert list(found["forgetting"]["measure"]) == ["cka", "similarity"] * 2
    assert (found["forgetting"]["value"] < 1).all()
    explained = found["attributions"]
    assert set(explained["seed"]) == {0}
    assert len(explained["id"].unique()) == 2
    first = explained[(explained["id"] == "t1") & (explained["attribution"] == "leave_one_out")]
    assert " ".join(first["word"]) == "a great and funny film"
    assert first["remainder"].isna().all()
    near = found["neighbours"]
    assert list(near["id"].unique()) == list(explained["id"].unique())
    assert list(near["rank"]) == [1, 2] * 2


def test_a_twin_among_the_training_rows_is_the_nearest(predictor, tiny_folder, tmp_path):
    settings = {
        **ALL,
        "attack": None,
        "forgetting": False,
        "explain": Explain(rows=3, steps=2, neighbours=1).model_dump(),
    }
    notes, found = looked(predictor("classification"), tiny_folder, tmp_path, settings)
    twin = found["neighbours"].query("id == 't2' and rank == 1").iloc[0]
    assert (twin["neighbour"], twin["cosine"]) == ("n1", pytest.approx(1.0))
    assert notes == {"attack": OFF, "forgetting": OFF}
    assert len(found["attack"]) == len(found["forgetting"]) == 0


@pytest.mark.parametrize("task", ["regression", "ner"])
def test_other_tasks_are_not_attacked_and_say_so(predictor, tiny_folder, tmp_path, task):
    rows = SENTENCES if task == "ner" else ROWS
    notes, found = looked(predictor(task), tiny_folder, tmp_path, rows=rows, training=rows)
    assert notes == {"attack": f"not defined: {task}"}
    assert len(found["attack"]) == 0
    assert np.isfinite(found["attributions"]["value"].astype(float)).all()
    assert list(found["neighbours"].query("rank == 1")["neighbour"]) == list(found["neighbours"]["id"].unique())


def test_without_gradients_words_are_left_out_alone(predictor, tiny_folder, tmp_path):
    notes, found = looked(
        predictor("classification", "knn"), tiny_folder, tmp_path, {**ALL, "attack": None}, tuning="knn"
    )
    assert notes["attributions"].startswith("leave-one-out alone")
    assert set(found["attributions"]["attribution"]) == {"leave_one_out"}


def test_where_wordnet_is_missing_the_attack_says_how_to_get_it(predictor, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv(wordnet.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    notes, found = looked(predictor("classification"), tiny_folder, tmp_path, {**ALL, "explain": None})
    assert "apt-get install wordnet-base" in notes["attack"]
    assert len(found["attack"]) == 0


def test_nothing_asked_for_is_tables_without_rows_and_no_pretrained_model(tmp_path):
    inside = Inside({"attack": None, "explain": None, "forgetting": False}, ROWS, lambda _: ROWS, tmp_path / "none")
    inside.write(tmp_path)
    assert inside.notes == dict.fromkeys(TABLES, OFF)
    for name, columns in TABLES.items():
        frame = files.read_frame(tmp_path / f"{name}.parquet")
        assert list(frame.columns) == list(columns)
        assert len(frame) == 0


def test_equal_input_gives_equal_bytes_and_pairs_have_their_first_text_attacked(predictor, tiny_folder, tmp_path):
    pairs = (["t1", "t2"], [("a great film", "it is funny"), ("dull", "long")])
    for name in ("one", "two"):
        looked(predictor("classification"), tiny_folder, tmp_path / name, rows=pairs, training=pairs)
    for name in TABLES:
        assert (tmp_path / "one" / f"{name}.parquet").read_bytes() == (
            tmp_path / "two" / f"{name}.parquet"
        ).read_bytes()
