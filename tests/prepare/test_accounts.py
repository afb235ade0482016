"""Rows read = rows kept + rows removed, each with its reason and line: on real files, and on fuzzed ones."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof import fetch
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import run
from tuneproof.prepare.card import ranges

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data on this machine")


def numbers(text):
    """What `ranges` wrote, read back by its definition."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def account(declared, folder):
    """Prepare; the card, after its account was checked."""
    dataset = Dataset.model_validate(declared)
    run.run(dataset, "mine", fetch.fetch_data(dataset.source, folder / "cache"), folder / "out")
    card = json.loads((folder / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["rows_read"] == sum(card["rows"].values()) + sum(item["count"] for item in card["removed"])
    for item in card["removed"]:
        lines = [f"{file}:{line}" for file, ranged in item["lines"].items() for line in numbers(ranged)]
        assert len(lines) <= item["count"]
        assert set(item["examples"]) <= set(lines)
        if dataset.format.kind not in ("json", "spans"):  # several rows may stand in a line
            assert len(lines) == item["count"]
    return card


@given(st.lists(st.integers(1, 40), min_size=1))
def test_ranges_are_the_numbers(lines):
    assert numbers(ranges(lines)) == sorted(set(lines))


# real files

COLUMNS = ["genre", "file", "year", "number", "score", "one", "two", "source", "source_two"]
REAL = {
    "sts": (
        {
            "task": "regression",
            "source": {
                split: f"pair_stsb/sts-{name}.csv"
                for split, name in (("train", "train"), ("validation", "dev"), ("test", "test"))
            },
            "format": {"kind": "csv", "delimiter": "\t", "columns": COLUMNS},
            "text": "one",
            "text_pair": "two",
            "label": "score",
            "repeats": "keep",
        },
        {"rows_read": 5749 + 1500 + 1379, "test": 1379, "encoding": "utf-8"},
    ),
    "wnut": (
        {
            "task": "ner",
            "source": {
                "train": "ner_wnut17/wnut17train.conll",
                "validation": "ner_wnut17/emerging.dev.conll",
                "test": "ner_wnut17/emerging.test.annotated",
            },
            "format": {"kind": "conll"},
            "repeats": "keep",
        },
        {"rows_read": 3394 + 1009 + 1287, "test": 1287, "encoding": "utf-8"},
    ),
    "clinc": (
        {
            "task": "classification",
            "source": "cls_clinc150/data_full.json",
            "format": {
                "kind": "json",
                "records": {
                    "train": ["train", "oos_train"],
                    "validation": ["val", "oos_val"],
                    "test": ["test", "oos_test"],
                },
            },
            "text": "0",
            "label": "1",
            "repeats": "keep",
        },
        {"rows_read": 15000 + 100 + 3000 + 100 + 4500 + 1000, "test": 5500, "encoding": "utf-8"},
    ),
    "phrases": (
        {
            "task": "classification",
            "source": "cls_fin_phrasebank/Sentences_50Agree.txt",
            "format": {"kind": "lines", "separator": "@", "label": "last"},
        },
        {"rows_read": 4846, "kept": 4838 - 2, "encoding": "latin-1"},  # two texts have two labels each
    ),
    "phrases all agree on": (
        {
            "task": "classification",
            "source": "cls_fin_phrasebank/Sentences_AllAgree.txt",
            "format": {"kind": "lines", "separator": "@", "label": "last"},
        },
        {"rows_read": 2264, "encoding": "latin-1"},
    ),
}


@needs_shared
@pytest.mark.parametrize("name", sorted(REAL))
def test_real_files_are_accounted_for(name, tmp_path):
    declared, expected = REAL[name]
    source = declared["source"]
    path = str(SHARED / source) if isinstance(source, str) else {key: str(SHARED / at) for key, at in source.items()}
    card = account({**declared, "source": {"path": path}}, tmp_path)
    assert card["rows_read"] == expected["rows_read"]
    assert {form["encoding"] for entry in card["files"] for form in entry["read_as"].values()} == {expected["encoding"]}
    if "test" in expected:
        assert card["rows"]["test"] == expected["test"], "an official test file is whole"
    if "kept" in expected:
        assert sum(card["rows"].values()) == expected["kept"]
    if name == "phrases all agree on":
        [item] = [item for item in card["removed"] if "no separator" in item["reason"]]
        assert item["lines"] == {"Sentences_AllAgree.txt": "38"}


# fuzzed files

PAIRS = [(f"text {n}", f"c{n % 2}") for n in range(12)]
CHARS = 'abcd \t\n\r",:[]{}@0-é\u2028\x00\ufeff'


def _parquet():
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [text for text, _ in PAIRS], "label": [label for _, label in PAIRS]}), sink)
    return sink.getvalue()


SPANS = [{"text": f"In Town{n}", "label": [[3, 6, "loc"]]} for n in range(12)]
FILES = {
    "csv": ("\n".join(["text,label", *(f'"{text}",{label}' for text, label in PAIRS)]).encode(), {}),
    "lines": ("\n".join(f"{label}\t{text}" for text, label in PAIRS).encode(), {}),
    "jsonl": ("\n".join(json.dumps({"text": text, "label": label}) for text, label in PAIRS).encode(), {}),
    "json": (json.dumps([{"text": text, "label": label} for text, label in PAIRS], indent=1).encode(), {}),
    "parquet": (_parquet(), {}),
    "conll": ("\n\n".join(f"In O\nTown{n} B-loc" for n in range(12)).encode(), {"task": "ner"}),
    "spans": ("\n".join(map(json.dumps, SPANS)).encode(), {"task": "ner"}),
}


@settings(deadline=None, max_examples=30)
@given(data=st.data())
@pytest.mark.parametrize("kind", sorted(FILES))
def test_fuzzed_files_are_accounted_for_or_refused_in_one_line(kind, data, tmp_path_factory):
    """`account` checks the card; anything but a card or a `DataError` of one line fails."""
    content, declared = FILES[kind]
    content = bytearray(content)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content)))
        new = data.draw(st.text(CHARS, max_size=4).map(str.encode) | st.binary(max_size=2))
        content[place : place + data.draw(st.integers(0, 3))] = new
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "f.txt"
    path.write_bytes(bytes(content))
    try:
        account({"task": "classification", "source": {"path": str(path)}, "format": {"kind": kind}, **declared}, folder)
    except DataError as error:
        assert "\n" not in str(error)


def test_without_damage_every_row_is_kept(tmp_path):
    for kind, (content, declared) in FILES.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "f").write_bytes(content)
        form = {"task": "classification", "source": {"path": str(folder / "f")}, "format": {"kind": kind}, **declared}
        card = account(form, folder)
        assert (card["rows_read"], sum(card["rows"].values()), card["removed"]) == (12, 12, []), kind


def test_kept_repeats_have_ids_of_their_own(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(f"{t},{c}\n" for t, c in [*PAIRS, PAIRS[0]]))
    (tmp_path / "test.csv").write_text("text,label\nnew,c0\nnew,c1\nnew,c0\nother,c1\n")
    source = {"path": {split: str(tmp_path / f"{split}.csv") for split in ("train", "test")}}
    declared = {"task": "classification", "source": source, "format": {"kind": "csv"}, "split": {"validation": 2}}
    card = account({**declared, "repeats": "keep"}, tmp_path)
    assert card["rows"] == {"train": 10, "validation": 2, "test": 4}
    ids = pq.read_table(tmp_path / "out" / "test.parquet")["id"].to_pylist()
    assert len(set(ids)) == 4
    assert sum("-" in one for one in ids) == 2
    assert account(declared, tmp_path)["rows"]["test"] == 1
