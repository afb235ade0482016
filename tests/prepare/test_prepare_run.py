"""The stage as a whole: what is written, what is removed and why, and which mistakes are told in one line."""

import json
import random
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof import fetch
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import clean, run

SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def prepare(files, **declared):
    """Write files, declare and prepare a data set; its frames and its card."""
    for name, content in files.items():
        Path(name).write_text(content, encoding="utf-8", newline="")
    names = list(files)
    path = names[0] if len(names) == 1 else {Path(name).stem: name for name in names}
    declared = {"task": "classification", "format": {"kind": "csv"}, **declared}
    dataset = Dataset.model_validate({"source": {"path": path}, **declared})
    run.run(dataset, "mine", fetch.fetch_data(dataset.source, Path("data")), Path("out"))
    card = json.loads(Path("out/card.json").read_text())
    frames = {split: pd.read_parquet(f"out/{split}.parquet") for split in SPLITS}
    assert card["rows_read"] == sum(card["rows"].values()) + sum(item["count"] for item in card["removed"])
    assert card["rows"] == {split: len(frame) for split, frame in frames.items()}
    ids = [identity for frame in frames.values() for identity in frame["id"]]
    assert len(set(ids)) == len(ids)
    return frames, card


def table(rows, header="text,label"):
    return "\n".join([header, *rows]) + "\n"


def removed(card):
    return {item["reason"]: (item["count"], item["examples"]) for item in card["removed"]}


ROWS = [f"text {n},{'yes' if n % 2 else 'no'}" for n in range(40)]


def test_frames_and_card():
    frames, card = prepare({"a.csv": table(ROWS)}, split={"validation": 8, "test": 10}, licence="MIT", citation="Us")
    assert list(frames["train"].columns) == ["id", "text", "label"]
    assert card["rows"] == {"train": 22, "validation": 8, "test": 10}
    assert card["label_counts"]["test"] == {"no": 5, "yes": 5}
    assert card["labels"] == ["no", "yes"]
    assert (card["dataset"], card["task"], card["licence"], card["citation"]) == ("mine", "classification", "MIT", "Us")
    assert card["source"] == {"path": "a.csv"}
    [entry] = card["files"]
    assert (entry["name"], entry["origin"], len(entry["sha256"])) == ("a.csv", "a.csv", 64)
    assert all(re.fullmatch("[0-9a-f]{16}", identity) for identity in frames["test"]["id"])


def test_same_bytes_whatever_the_order_of_rows():
    written = []
    for rows in (ROWS, random.Random(0).sample(ROWS, len(ROWS))):
        prepare({"a.csv": table(rows)}, train_size=10)
        written.append([Path(f"out/{split}.parquet").read_bytes() for split in SPLITS])
    assert written[0] == written[1]


def test_ids_depend_on_content_alone():
    few, _ = prepare({"a.csv": table(ROWS[:20])})
    many, _ = prepare({"a.csv": table(["more,yes", *ROWS])}, split={"seed": 5})
    ids = [dict(pd.concat(frames.values())[["text", "id"]].itertuples(index=False)) for frames in (few, many)]
    assert ids[0].items() <= ids[1].items()


def test_repeated_and_conflicting_texts():
    rows = ["same,yes", " same ,yes", "torn,yes", "torn,no", "torn,yes", *ROWS]
    frames, card = prepare({"a.csv": table(rows)})
    assert removed(card) == {
        "repeated text": (1, ["a.csv:3"]),
        "repeated text with conflicting labels": (3, ["a.csv:4", "a.csv:5", "a.csv:6"]),
    }
    texts = [text for frame in frames.values() for text in frame["text"]]
    assert texts.count("same") == 1
    assert "torn" not in texts


def test_unusable_rows_have_reason_and_place():
    rows = [",yes", "  ,yes", "no label,", "short", "a,b,c", *ROWS]
    _, card = prepare({"a.csv": table(rows)})
    assert removed(card) == {
        "3 columns instead of 2": (1, ["a.csv:6"]),
        "empty text": (2, ["a.csv:2", "a.csv:3"]),
        "empty label": (1, ["a.csv:4"]),
        "no column 'label' in the row": (1, ["a.csv:5"]),
    }


def test_ten_places_are_shown():
    _, card = prepare({"a.csv": table([*[",yes"] * 12, *ROWS])})
    assert removed(card)["empty text"] == (12, [f"a.csv:{line}" for line in range(2, 12)])


def test_label_cut():
    numbers = ["-0.5", "0", "0.0", "1e-9", "nan", "many", "1_0", "", "2.5"]
    rows = [f"t{row},{number}" for row, number in enumerate(numbers)] + [f"u{n},{n % 2 - 0.5}" for n in range(20)]
    cut = {"edges": [0, 2.5], "names": ["low", "mid", "high"]}
    _, card = prepare({"a.csv": table([*rows, *[f"v{n},3" for n in range(9)]])}, label_cut=cut)
    assert removed(card) == {
        "on the edge of label_cut": (3, ["a.csv:3", "a.csv:4", "a.csv:10"]),
        "label is not a finite number": (1, ["a.csv:6"]),
        "label is not a number": (2, ["a.csv:7", "a.csv:8"]),
        "empty label": (1, ["a.csv:9"]),
    }
    assert card["labels"] == ["high", "low", "mid"]
    counts = card["label_counts"]
    assert {name: sum(counts[split].get(name, 0) for split in SPLITS) for name in card["labels"]} == {
        "low": 11,
        "mid": 11,
        "high": 9,
    }


def test_regression():
    rows = [f"t{n},{n / 10}" for n in range(30)] + ["bad,inf", "worse,x"]
    frames, card = prepare({"a.csv": table(rows)}, task="regression")
    assert frames["train"]["label"].dtype == "float64"
    assert card["labels"] == ["value"]
    assert card["label_counts"] == {"train": {}, "validation": {}, "test": {}}
    assert {reason: count for reason, (count, _) in removed(card).items()} == {
        "label is not a finite number": 1,
        "label is not a number": 1,
    }


def test_text_pairs():
    rows = [f"{a},{b},{'same' if a == b else 'other'}" for a in "abcdef" for b in "abcdef"]
    frames, card = prepare({"a.csv": table(rows, "one,two,label")}, text="one", text_pair="two")
    assert list(frames["train"].columns) == ["id", "text", "text_pair", "label"]
    assert sum(card["rows"].values()) == 36


def test_further_columns_are_kept_as_text():
    rows = [f"text {n},{'yes' if n % 2 else 'no'},{'web' if n % 3 else ''}" for n in range(40)]
    frames, _ = prepare({"a.csv": table(rows, "text,label,source")}, keep=["source"])
    for frame in frames.values():
        assert list(frame.columns) == ["id", "text", "label", "source"]
        numbers = frame["text"].str.removeprefix("text ").astype(int)
        assert frame["source"].tolist() == ["web" if n % 3 else "" for n in numbers]


def test_kept_columns_change_neither_ids_nor_splits_and_are_masked():
    rows = [f"text {n},{'yes' if n % 2 else 'no'},me{n}@example.org" for n in range(40)]
    plain, _ = prepare({"a.csv": table(rows, "text,label,who")})
    kept, _ = prepare({"a.csv": table(rows, "text,label,who")}, keep=["who"], mask_personal_data=True)
    for split in SPLITS:
        assert kept[split].drop(columns="who").equals(plain[split])
        assert (kept[split]["who"] == "[email]").all()


def test_a_kept_column_that_is_not_there_or_has_a_name_of_ours():
    with pytest.raises(DataError, match="column 'source' not found; columns found: text, label"):
        prepare({"a.csv": table(ROWS)}, keep=["source"])
    with pytest.raises(ValueError, match="found label, which prepared rows have"):
        prepare({"a.csv": table(ROWS)}, keep=["label"])


def test_html_entities():
    rows = [f"a &amp; b {n},{'x&lt;' if n % 2 else 'y'}" for n in range(20)]
    frames, card = prepare({"a.csv": table(rows)}, unescape_html=True)
    assert all(text.startswith("a & b ") for text in frames["train"]["text"])
    assert card["labels"] == ["x<", "y"]
    frames, _ = prepare({"a.csv": table(rows)})
    assert all(text.startswith("a &amp; b ") for text in frames["train"]["text"])


def test_jsonl_values():
    rows = [{"text": f"t{n}", "label": n % 2 == 0} for n in range(20)]
    rows += [{"text": 5, "label": True}, {"text": None, "label": True}, {"text": "x", "label": None}, {"text": "y"}]
    rows += [{"text": "z", "label": ["a"]}, {"text": "half a pair \ud83d", "label": True}]
    content = "\n".join(json.dumps(row) for row in rows)
    _, card = prepare({"a.jsonl": content}, format={"kind": "jsonl"})
    assert card["labels"] == ["false", "true"]
    assert {reason: places for reason, (_, places) in removed(card).items()} == {
        "'text' is not a text": ["a.jsonl:21"],
        "empty text": ["a.jsonl:22"],
        "empty label": ["a.jsonl:23"],
        "no column 'label' in the row": ["a.jsonl:24"],
        "label is a list or mapping": ["a.jsonl:25"],
        "not valid Unicode": ["a.jsonl:26"],
    }


# splits


def test_official_splits_do_not_leak():
    train = [*ROWS[:20], "in test,yes", "in validation,no"]
    validation = ["in validation,no", "in test too,yes", *ROWS[20:24]]
    test = ["in test,no", "in test too,yes", *ROWS[24:30]]
    files = {"train.csv": table(train), "validation.csv": table(validation), "test.csv": table(test)}
    frames, card = prepare(files)
    assert card["rows"] == {"train": 20, "validation": 5, "test": 8}
    assert removed(card) == {
        "also in test": (2, ["validation.csv:3", "train.csv:22"]),
        "also in validation": (1, ["train.csv:23"]),
    }
    assert set(frames["test"]["text"]) == {"in test", "in test too", *(row.split(",")[0] for row in ROWS[24:30])}


def test_missing_validation_is_cut_from_train():
    files = {"train.csv": table(ROWS[:30]), "test.csv": table(ROWS[30:])}
    _, card = prepare(files, split={"validation": 6})
    assert card["rows"] == {"train": 24, "validation": 6, "test": 10}


def test_train_size_is_accounted_for_and_nested():
    small, card = prepare({"a.csv": table(ROWS)}, train_size=6)
    assert card["rows"]["train"] == 6
    assert removed(card)["beyond train_size"][0] == 40 - sum(card["rows"].values())
    large, _ = prepare({"a.csv": table(ROWS)}, train_size=12)
    assert set(small["train"]["id"]) < set(large["train"]["id"])
    assert small["test"].equals(large["test"])
    assert card["label_counts"]["train"] == {"no": 3, "yes": 3}


def test_draws_share_the_test_split_and_per_class_counts_hold():
    found = [prepare({"a.csv": table(ROWS)}, train_per_class=3, draw=draw) for draw in (0, 1)]
    for _, card in found:
        assert card["label_counts"]["train"] == {"no": 3, "yes": 3}
        assert removed(card)["beyond train_per_class"][0] == 40 - sum(card["rows"].values())
    (first, _), (second, _) = found
    assert first["test"].equals(second["test"])
    assert first["validation"].equals(second["validation"])
    assert set(first["train"]["id"]) != set(second["train"]["id"])


def test_groups():
    rows = [
        f"{review}_{line},text {review} {line},{'yes' if line % 2 else 'no'}"
        for review in range(20)
        for line in range(4)
    ]
    content = table([*rows, "x,no group,yes"], "id,text,label")
    frames, card = prepare({"a.csv": content}, group="id", group_pattern=r"^(\d+)_")
    assert removed(card) == {"group_pattern does not match": (1, ["a.csv:82"])}
    owners = {split: {text.split()[1] for text in frame["text"]} for split, frame in frames.items()}
    assert owners["train"] | owners["validation"] | owners["test"] == {str(review) for review in range(20)}
    assert sum(map(len, owners.values())) == 20


# ner


def conll(sentences):
    return "\n\n".join("\n".join(f"{token}\t{tag}" for token, tag in sentence) for sentence in sentences) + "\n"


SENTENCES = [[("Ann", "B-per"), ("sees", "O"), (f"Town{n}", "B-loc"), ("East", "I-loc")] for n in range(20)]


def test_ner():
    torn = [[("Bob", "B-per"), ("left", "O")], [("Bob", "B-loc"), ("left", "O")]]
    mended = [[("Eve", "I-per"), ("runs", "O")]]
    frames, card = prepare(
        {"a.txt": conll([*SENTENCES, *torn, *mended, SENTENCES[0]])}, task="ner", format={"kind": "conll"}
    )
    assert list(frames["train"].columns) == ["id", "tokens", "tags"]
    assert card["labels"] == ["O", "B-loc", "I-loc", "B-per", "I-per"]
    assert removed(card) == {
        "repeated text with conflicting labels": (2, ["a.txt:101", "a.txt:104"]),
        "repeated text": (1, ["a.txt:110"]),
    }
    assert card["repaired_tags"] == 1
    assert sum(card["label_counts"][split]["per"] for split in SPLITS if "per" in card["label_counts"][split]) == 21
    tags = {tuple(tokens): list(tags) for frame in frames.values() for _, tokens, tags in frame.itertuples(index=False)}
    assert tags["Eve", "runs"] == ["B-per", "O"]


def test_ner_from_json_lines():
    rows = [{"w": [token for token, _ in sentence], "t": [tag for _, tag in sentence]} for sentence in SENTENCES]
    rows += [
        {"w": ["a", "b"], "t": ["O"]},
        {"w": [], "t": []},
        {"w": ["a"], "t": ["Q"]},
        {"w": ["a", " "], "t": ["O", "O"]},
    ]
    rows += [{"w": "a b", "t": ["O", "O"]}, {"w": ["a"], "t": [3]}]
    content = "\n".join(map(json.dumps, rows))
    _, card = prepare({"a.jsonl": content}, task="ner", format={"kind": "jsonl"}, text="w", label="t")
    assert {reason: places for reason, (_, places) in removed(card).items()} == {
        "tokens and tags differ in number": ["a.jsonl:21"],
        "empty text": ["a.jsonl:22"],
        "a tag outside iob2": ["a.jsonl:23"],
        "empty token": ["a.jsonl:24"],
        "'w' is not a list of texts": ["a.jsonl:25"],
        "'t' is not a list of texts": ["a.jsonl:26"],
    }


# mistakes


@pytest.mark.parametrize(
    ("files", "declared", "message"),
    [
        ({"a.csv": ""}, {}, r"a\.csv: no rows; the file is empty"),
        ({"a.csv": "text,label\n"}, {}, r"a\.csv: no rows"),
        ({"a.csv": table(ROWS, "body,label")}, {}, r"a\.csv: column 'text' not found; columns found: body, label"),
        ({"a.csv": table(ROWS)}, {"text_pair": "b"}, r"column 'b' not found; columns found: text, label"),
        ({"a.csv": table(ROWS)}, {"group": "g"}, r"column 'g' not found; columns found: text, label"),
        ({"a.csv": table([",yes"] * 3)}, {}, r"none of 3 rows can be used; most often: empty text, as at a\.csv:2"),
        ({"a.csv": table(["a,x,y"] * 3)}, {}, r"none of 3 rows can be used; most often: 3 columns instead of 2"),
        (
            {"a.csv": table([f"t{n},yes" for n in range(9)])},
            {},
            r"datasets\.mine: one class in train, 'yes'; allowed: two",
        ),
        (
            {"a.csv": table(ROWS)},
            {"split": {"test": 40}},
            r"datasets\.mine: split asks for .* 40 rows for test, but there are 40",
        ),
        (
            {"a.csv": table(ROWS)},
            {"train_size": 29},
            r"datasets\.mine\.train_size: found 29; allowed: up to 28, the rows of train",
        ),
        (
            {"train.csv": table(ROWS), "test.csv": table(["new,maybe"])},
            {},
            r"test\.csv:2: label 'maybe' of test does not occur in train",
        ),
        (
            {"train.csv": table(ROWS), "test.csv": table(ROWS), "validation.csv": table(["a,yes"])},
            {},
            r"datasets\.mine: no rows left in train; each of its texts stands in another split too",
        ),
        (
            {"a.txt": conll([[(f"t{n}", "O")] for n in range(20)])},
            {"task": "ner", "format": {"kind": "conll"}},
            r"datasets\.mine: no entity in train \(14 sentences\); check format\.tag",
        ),
        (
            {"train.txt": conll(SENTENCES), "test.txt": conll([[("x", "B-odd")]])},
            {"task": "ner", "format": {"kind": "conll"}},
            r"test\.txt:1: entity type 'odd' of test does not occur in train",
        ),
        (
            {"a.txt": conll(SENTENCES)},
            {"task": "ner", "format": {"kind": "conll"}, "group": "document"},
            r"column 'document' not found; columns found: tokens, tags; they are always tokens and tags",
        ),
    ],
)
def test_mistakes_are_one_line(files, declared, message):
    with pytest.raises(DataError, match=message) as raised:
        prepare(files, **declared)
    assert "\n" not in str(raised.value)
    assert not Path("out").exists()


# properties


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([*ROWS[:12], ",yes", "a,b,c", "torn,yes", "torn,no", "short", ""]), max_size=30))
def test_every_row_of_a_fuzzed_file_is_accounted_for(rows):
    """`prepare` asserts it; whatever the rows, there is a full account or one line."""
    try:
        _, card = prepare({"a.csv": table([*rows, *ROWS[20:]])})
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert card["rows_read"] == len([row for row in rows if row]) + 20


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_gives_an_id(text):
    example = clean.Example(clean.Place("f", 1), {}, json.dumps([text], ensure_ascii=False), "")
    clean.number_ids([example])
    assert re.fullmatch("[0-9a-f]{16}", example.id)
