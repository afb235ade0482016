"""The stage as a whole: original rows stay, new rows are new, and held-out texts do not come in."""

import json

import pandas as pd
import pytest

from tuneproof import files
from tuneproof.augment import run, wordnet
from tuneproof.augmentation import Augmentation
from tuneproof.errors import DataError, MethodError


class Words:
    def synonyms(self, word, parts=()):
        return {"great": ("fine", "nice"), "movie": ("film",)}.get(word, ())


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setattr(wordnet, "unavailable", lambda: None)
    monkeypatch.setattr(wordnet, "load", Words)


@pytest.fixture
def prepared(tmp_path):
    frames = {
        "train": [
            ("a", "a great thing", "x"),
            ("b", "that movie", "y"),
            ("c", "none here", "x"),
            ("d", "that film", "y"),
        ],
        "validation": [("e", "a fine thing", "x")],
        "test": [("f", "a nice thing", "x")],
    }
    for split, rows in frames.items():
        files.write_frame(tmp_path / f"{split}.parquet", pd.DataFrame(rows, columns=["id", "text", "label"]))
    return tmp_path


def augment(prepared, task="classification", **declared):
    augmentation = Augmentation.model_validate({"technique": "synonym", **declared})
    run.run(augmentation, "syn", task, prepared, prepared / "out")
    return pd.read_parquet(prepared / "out" / "train.parquet"), json.loads((prepared / "out" / "card.json").read_text())


def test_held_out_and_repeated_texts_are_dropped(prepared):
    frame, card = augment(prepared, copies=20)
    assert list(frame["id"]) == ["a", "b", "c", "d"]
    assert frame["origin"].isna().all()
    dropped = {item["reason"]: item["count"] for item in card["dropped"]}
    assert dropped.pop("also in test") + dropped.pop("also in validation") == 20
    assert dropped == {"nothing to change": 40, "repeats a training text": 20}
    assert (card["rows"], card["yield"]) == ({"original": 4, "chosen": 4, "new": 0}, 0.0)


def test_new_rows(prepared):
    for split in ("validation", "test"):
        (prepared / f"{split}.parquet").unlink()
        files.write_frame(prepared / f"{split}.parquet", pd.DataFrame({"id": ["z"], "text": ["other"], "label": ["x"]}))
    frame, card = augment(prepared, copies=10, seed=1)
    new = frame[frame["origin"].notna()]
    assert list(frame.columns) == ["id", "text", "label", "origin", "technique"]
    assert list(frame["id"][:4]) == ["a", "b", "c", "d"]
    assert set(new["text"]) == {"a fine thing", "a nice thing"}  # each once
    assert set(new["origin"]) == {"a"}
    assert set(new["label"]) == {"x"}
    assert [json.loads(technique) for technique in new["technique"]] == [card["technique"]] * 2
    assert frame["technique"][:4].isna().all()
    assert all(identity.startswith("a+syn-") for identity in new["id"])
    assert frame["id"].is_unique
    assert card["rows"] == {"original": 4, "chosen": 4, "new": 2}
    assert card["yield"] == round(2 / 40, 4)
    assert card["samples"][0]["before"] == "a great thing"
    assert card["technique"] == {"name": "synonym", "copies": 10, "rate": 0.15}
    assert sum(item["count"] for item in card["dropped"]) + card["rows"]["new"] == 40


def test_same_bytes_for_the_same_seed(prepared):
    augment(prepared, technique="synonym", copies=3)
    first = (prepared / "out" / "train.parquet").read_bytes(), (prepared / "out" / "card.json").read_bytes()
    augment(prepared, technique="synonym", copies=3)
    assert first == ((prepared / "out" / "train.parquet").read_bytes(), (prepared / "out" / "card.json").read_bytes())


def test_held_out_labels_are_not_needed(prepared):
    expected, _ = augment(prepared)
    for split in ("validation", "test"):
        frame = pd.read_parquet(prepared / f"{split}.parquet")
        files.write_frame(prepared / f"{split}.parquet", frame[["id", "text"]])
    assert augment(prepared)[0].equals(expected)


def test_pairs_are_compared_as_pairs(prepared):
    for split in ("train", "validation", "test"):
        frame = pd.read_parquet(prepared / f"{split}.parquet")
        files.write_frame(prepared / f"{split}.parquet", frame.assign(text_pair=f"pair of {split}"))
    frame, _ = augment(prepared)
    assert frame["origin"].notna().sum() == 1  # "a fine thing" stands in validation, but beside another text


def test_mentions(tmp_path):
    rows = [("a", ["Ann", "ran"], ["B-per", "O"]), ("b", ["Bob", "Ray", "sat"], ["B-per", "I-per", "O"])]
    for split, chosen in {
        "train": rows,
        "validation": [("c", ["x"], ["O"])],
        "test": [("d", ["Ann", "sat"], ["B-per", "O"])],
    }.items():
        files.write_frame(tmp_path / f"{split}.parquet", pd.DataFrame(chosen, columns=["id", "tokens", "tags"]))
    frame, card = augment(tmp_path, task="ner", technique="mention", rate=1)
    new = frame[frame["origin"].notna()]
    assert [list(tokens) for tokens in new["tokens"]] == [["Bob", "Ray", "ran"]]
    assert [list(tags) for tags in new["tags"]] == [["B-per", "I-per", "O"]]
    assert card["dropped"] == [{"reason": "also in test", "count": 1}]


def test_technique_must_fit_the_task(prepared):
    with pytest.raises(
        MethodError, match=r"augmentations\.syn: augmentation synonym is for classification, regression, not for ner"
    ):
        augment(prepared, task="ner")


def test_missing_dictionary_is_one_line(prepared, monkeypatch):
    monkeypatch.setattr(wordnet, "unavailable", lambda: "WordNet not found; allowed: get it")
    with pytest.raises(MethodError, match=r"^augmentations\.syn: WordNet not found; allowed: get it$"):
        augment(prepared)


def test_missing_split_is_named(prepared):
    (prepared / "test.parquet").unlink()
    with pytest.raises(DataError, match=r"test\.parquet: file not found"):
        augment(prepared)


def test_only_rows_of_scarce_classes(prepared):
    frame, card = augment(prepared, only_below=3)
    assert card["rows"]["chosen"] == 4
    files.write_frame(
        prepared / "train.parquet",
        pd.DataFrame(
            [("a", "a great movie", "x"), ("b", "that movie", "y"), ("c", "one movie", "y")],
            columns=["id", "text", "label"],
        ),
    )
    frame, card = augment(prepared, only_below=2)
    assert set(frame["origin"].dropna()) == {"a"}
    assert card["rows"]["chosen"] == 1
    assert card["only_below"] == 2


def test_sentences_with_a_scarce_type():
    rows = [
        {"tags": ["B-person", "O"]},
        {"tags": ["B-person", "B-place"]},
        {"tags": ["O"]},
        {"tags": ["B-place", "B-place"]},
    ]
    assert run.scarce(rows, 3) == [rows[0], rows[1]]  # two persons, three places
    assert run.scarce(rows, None) == rows


@pytest.mark.parametrize(
    ("declared", "task", "why"),
    [
        ({"only_below": 5}, "regression", "only_below counts examples of a class"),
        ({"agreement": 0.5}, "regression", "agreement is for classification, not for regression"),
    ],
)
def test_filters_that_a_task_does_not_have(prepared, declared, task, why):
    with pytest.raises(MethodError, match=why):
        augment(prepared, task, **declared)
