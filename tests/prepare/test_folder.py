"""Folders as data sets: classes as sub-folders or as files, and what the library `datasets` saved."""

import json
from pathlib import Path

import pytest

from tuneproof import experiment, fetch
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import run
from tuneproof.prepare.inspect import inspect


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(content):
    for name, text in content.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def prepare(path, **declared):
    dataset = Dataset.model_validate(
        {"task": "classification", "source": {"path": path}, "format": {"kind": "folder"}, **declared}
    )
    manifest = fetch.fetch_data(dataset.source, Path("data"))
    fetch.ensure_data(manifest, dataset.source, Path("data"))
    run.run(dataset, "mine", manifest, Path("out"))
    return json.loads(Path("out/card.json").read_text(encoding="utf-8")), manifest


def test_a_sub_folder_a_class():
    write({f"in/{label}/{n}.txt": f"{label} text\nof {n}" for label in ("pos", "neg") for n in range(10)})
    write(
        {"in/pos/é.txt": "très bon, ça".encode("latin-1"), "in/neg/x.bin": b"\xff\x00\x01\xfe" * 9, "in/neg/.hid": "x"}
    )
    write({"in/readme.md": "not a class"})
    card, manifest = prepare("in")
    assert (card["rows_read"], sum(card["rows"].values())) == (22, 21)
    assert card["labels"] == ["neg", "pos"]
    [item] = card["removed"]
    assert (item["reason"], item["examples"]) == ("not a text file in one encoding", ["neg/x.bin:1"])
    assert manifest["files"]["all"]["origin"] == "in"


def test_a_file_a_class():
    write({"in/good.txt": "\n".join(f"line {n}" for n in range(12)) + "\n\n", "in/bad.txt": "x y\r\nz w\r\n" * 2})
    card, _ = prepare("in")
    assert card["rows_read"] == 16
    assert {item["reason"]: item["lines"] for item in card["removed"]} == {"repeated text": {"bad.txt": "3-4"}}
    assert card["labels"] == ["bad", "good"]


def test_a_changed_folder_is_another_file():
    write({f"in/{label}/{n}.txt": f"{label} {n}" for label in "ab" for n in range(9)})
    source = Dataset.model_validate(
        {"task": "classification", "source": {"path": "in"}, "format": {"kind": "folder"}}
    ).source
    before = fetch.fetch_data(source, Path("data"))
    assert sorted(experiment.local_files(source)) == sorted(str(path) for path in Path("in").rglob("*.txt"))
    write({"in/a/0.txt": "changed"})
    after = fetch.fetch_data(source, Path("data"))
    assert before["files"]["all"]["path"] == after["files"]["all"]["path"]
    assert before["files"]["all"]["sha256"] != after["files"]["all"]["sha256"]


def test_a_folder_without_classes_is_refused():
    write({"in/one/a.txt": "a", "in/one/b.txt": "b"})
    with pytest.raises(DataError, match=r"in: found 0 files and 2 below; allowed: a sub-folder a class"):
        prepare("in")


def test_saved_to_disk():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"t": datasets.Value("string"), "y": datasets.ClassLabel(names=["no", "yes"])})
    for split in ("train", "test"):
        columns = {"t": [f"{split} {n}" for n in range(20)], "y": [n % 2 for n in range(20)]}
        datasets.Dataset.from_dict(columns, features=features).save_to_disk(f"saved/{split}")
    card, _ = prepare({"train": "saved/train", "test": "saved/test"}, text="t", label="y")
    assert card["rows"] == {"train": 17, "validation": 3, "test": 20}
    assert card["labels"] == ["no", "yes"]
    Path("saved/train/state.json").write_text("{")
    with pytest.raises(DataError, match="not a data set that was saved to disk"):
        prepare({"train": "saved/train", "test": "saved/test"}, text="t", label="y")


def test_a_folder_is_inspected():
    write({f"in/{label}/{n}.txt": f"{label} some more text {n}" for label in ("pos", "neg") for n in range(15)})
    seen = inspect(Path("in"))
    assert (seen["rows"], seen["rows_read"], seen["text"], seen["label"]) == (30, 30, "text", "label")
    assert seen["params"] == {
        "datasets": {"in": {"task": "classification", "source": {"path": "in"}, "format": {"kind": "folder"}}}
    }
    assert seen["notes"] == []
