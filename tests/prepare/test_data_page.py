"""docs/data.md: every block on the page is a data set that can be declared, and all formats are shown."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tuneproof.dataset import Dataset
from tuneproof.prepare.run import run
from tuneproof.prepare.sources import READERS

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
BLOCKS = {
    name: declared
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for name, declared in yaml.safe_load(block).items()
}

FILES = {
    "reviews": ["review,stars", *(f"text {n},{n % 3 + 1}" for n in range(30))],
    "opinions": [f"{n // 40}_{n}\t{n % 2 - 0.5}\tvu &amp; aimé {n}" for n in range(1000)],
    "intents": [f'{{"utterance": "say {n}", "intent": {n % 2}}}' for n in range(30)],
    "places": [f'{{"words": ["in", "Rome{n}"], "tags": ["O", "B-place"]}}' for n in range(30)],
    "similarity": [f'{n}\t{n / 10}\ta "quoted {n}\tb' for n in range(10)],
    "entities": ["-DOCSTART- O", "", *(line for n in range(30) for line in (f"Rome{n} I-loc", "is O", "\t"))],
}


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_block_is_a_data_set(name):
    Dataset.model_validate(BLOCKS[name])


def test_all_formats_are_shown():
    shown = {declared["format"]["kind"] if "format" in declared else "hub" for declared in BLOCKS.values()}
    assert shown == set(READERS)


@pytest.mark.parametrize("name", sorted(FILES))
def test_block_prepares_a_file_as_described(name, tmp_path):
    dataset = Dataset.model_validate(BLOCKS[name])
    encoding = "utf-8" if dataset.format.encoding == "auto" else dataset.format.encoding
    splits = dataset.source.path if isinstance(dataset.source.path, dict) else ["all"]
    files = {}
    for number, split in enumerate(splits):
        path = tmp_path / f"{split}.txt"
        lines = [line.replace("Rome", f"Rome{number}-").replace("quoted", f"quoted {number}") for line in FILES[name]]
        path.write_text("\n".join(lines), encoding=encoding)
        files[split] = {"path": str(path), "sha256": "", "origin": ""}
    run(dataset, name, {"files": files}, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "card.json",
        "test.parquet",
        "train.parquet",
        "validation.parquet",
    ]


def test_card_fields_are_all_listed(tmp_path):
    test_block_prepares_a_file_as_described("entities", tmp_path)
    table = PAGE.partition("## The card")[2]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall("`(.*?)`", row)}
    assert listed == set(json.loads((tmp_path / "out" / "card.json").read_text()))
