"""Rows become sub-tokens: labels on first sub-tokens, long rows cut, no labels in the test split."""

import pandas as pd
import pytest

from tuneproof import files, tokenize
from tuneproof.errors import DataError

TAGS = [["B-person", "I-person", "O", "O"], ["O", "B-place"]]
TOKENS = [["Ada", "Lovelace", "wrote", "\u200b"], ["in", "Llanfairpwllgwyngyll"]]


@pytest.fixture
def ner(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "tokens": TOKENS, "tags": TAGS})
    for split in ("train", "validation", "test"):
        files.write_frame(tmp_path / f"{split}.parquet", frame)
    labels = ["O", "B-person", "I-person", "B-place", "I-place"]
    files.write_json(tmp_path / "card.json", {"labels": labels})
    return tmp_path


def run(folder, minilm, task, out, max_length=16):
    splits = {split: folder / f"{split}.parquet" for split in ("train", "validation", "test")}
    tokenize.run(
        task_name=task, max_length=max_length, model=minilm, card=folder / "card.json", splits=splits, out=folder / out
    )
    return {split: files.read_frame(folder / out / f"{split}.parquet") for split in splits}


def test_ner_labels_stand_on_first_sub_tokens(ner, minilm):
    train = run(ner, minilm, "ner", "tokens")["train"]
    first = train.iloc[0]
    starts, labels = list(first["word_starts"]), list(first["labels"])
    assert starts[:3] == sorted(starts[:3])
    assert [labels[start] for start in starts if start >= 0] == [1, 2, 0][: sum(start >= 0 for start in starts)]
    assert sum(label != -100 for label in labels) == sum(start >= 0 for start in starts)
    assert starts[3] == -1  # a word of which the tokenizer leaves nothing has no place
    second = train.iloc[1]
    assert len(second["input_ids"]) > 4  # the place name has several sub-tokens, one label
    assert sorted(set(second["labels"])) == [-100, 0, 3]


def test_the_test_split_holds_no_labels(ner, minilm):
    splits = run(ner, minilm, "ner", "tokens")
    assert "labels" in splits["validation"]
    assert set(splits["test"].columns) == {"id", "input_ids", "token_type_ids", "word_starts"}


def test_words_beyond_the_limit_are_cut_and_known_to_be(ner, minilm):
    train = run(ner, minilm, "ner", "short", max_length=4)["train"]
    assert all(len(ids) <= 4 for ids in train["input_ids"])
    assert list(train.iloc[0]["word_starts"])[-1] == -1


def test_equal_rows_give_equal_bytes(ner, minilm):
    run(ner, minilm, "ner", "one")
    run(ner, minilm, "ner", "two")
    for split in ("train", "validation", "test"):
        assert (ner / "one" / f"{split}.parquet").read_bytes() == (ner / "two" / f"{split}.parquet").read_bytes()


def test_pairs_have_two_segments(tmp_path, minilm):
    frame = pd.DataFrame({"id": ["a"], "text": ["one"], "text_pair": ["two three"], "label": [0.5]})
    for split in ("train", "validation", "test"):
        files.write_frame(tmp_path / f"{split}.parquet", frame)
    files.write_json(tmp_path / "card.json", {"labels": ["value"]})
    row = run(tmp_path, minilm, "regression", "tokens")["train"].iloc[0]
    assert list(row["token_type_ids"]) == [0, 0, 0, 1, 1, 1]
    assert row["labels"] == 0.5


def test_a_folder_without_tokenizer_is_one_clear_line(ner, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no tokenizer can be loaded"):
        run(ner, tmp_path / "empty", "ner", "tokens")


def test_cut_texts_and_unknown_sub_tokens_are_counted(tmp_path, minilm):
    texts = ["a " * 6, "a " * 7, "a " * 8, "\U0001f9ff a"]  # with two special ones: 8, 9, 10 and 4 sub-tokens
    frame = pd.DataFrame({"id": list("wxyz"), "text": texts, "label": ["no", "yes"] * 2})
    for split in ("train", "validation", "test"):
        files.write_frame(tmp_path / f"{split}.parquet", frame)
    files.write_json(tmp_path / "card.json", {"labels": ["no", "yes"]})
    train = run(tmp_path, minilm, "classification", "out", max_length=9)["train"]
    assert [len(ids) for ids in train["input_ids"]] == [8, 9, 9, 4]
    card = files.read_json(tmp_path / "out/card.json")
    assert card["splits"]["test"] == card["splits"]["train"]
    assert card["splits"]["train"] == {
        "rows": 4,
        "sub_tokens": 30,
        "truncated": 1,
        "share_truncated": 0.25,
        "unknown": 1,
        "share_unknown": 0.0333,
    }
    assert card["warnings"] == [
        f"25.0% of {split} texts are cut at 9 sub-tokens (max_length)" for split in ("train", "validation", "test")
    ]


def test_a_tokenizer_that_knows_everything():
    assert tokenize.counts([[1, 2], [3]], 0, None)["share_unknown"] is None
    assert tokenize.counts([], 0, 0)["share_truncated"] == 0.0
    many = {"train": tokenize.counts([[0, 0, 1]], 0, 0)}
    assert tokenize.warnings(many, 9) == ["66.7% of the sub-tokens of train are unknown to this model"]
