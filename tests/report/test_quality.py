"""The quality of the data, and the training rows nearest to explained ones: from the stages' own files to the page."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from tuneproof import fetch
from tuneproof.dataset import Dataset
from tuneproof.files import read_json, write_frame
from tuneproof.prepare import run
from tuneproof.report import explained, quality, tables
from tuneproof.report.page import page

HOSTILE = "<b>bad</b>"
CLASSES = ("negative", HOSTILE)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A small data set as `prepare` leaves it: an e-mail address, a twin across splits, and markup for a class."""
    folder = tmp_path_factory.mktemp("prepared")
    plain = [
        f"row number {'abcdefghij'[place]} of the {word} rows" for word in ("first", "second") for place in range(9)
    ]
    rows = {
        "train": [*plain[:12], "please write to me@example.org, it costs nothing at all"],
        "validation": plain[12:15],
        "test": [*plain[15:], "please write to me@example.org, it costs nothing at all!"],
    }
    for split, texts in rows.items():
        lines = [f'"{text}",{CLASSES[place % 2]}' for place, text in enumerate(texts)]
        (folder / f"{split}.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    source = {"path": {split: str(folder / f"{split}.csv") for split in rows}}
    dataset = Dataset.model_validate({"task": "classification", "source": source, "format": {"kind": "csv"}})
    run.run(dataset, "mine", fetch.fetch_data(dataset.source, folder), folder / "out")
    return folder / "out"


def test_what_prepare_found_is_told(prepared):
    card = read_json(prepared / "card.json")
    found = quality.found(card)
    train, validation, test = found["splits"]
    assert [row["split"] for row in found["splits"]] == ["train", "validation", "test"]
    assert (train["judged"], validation["judged"], test["judged"]) == (1, 0, None)  # the test judges, and is not judged
    words = sorted(len(text.split()) for text in pd.read_parquet(prepared / "train.parquet")["text"])
    assert (train["words"]["median"], train["words"]["max"]) == (words[(len(words) - 1) // 2], words[-1])
    assert found["personal"] == {"email": 2}
    assert found["warnings"] == card["quality"]["warnings"] != []
    assert quality.found({}) is None
    assert quality.found(None) is None


def test_a_report_that_looked_for_no_twins_says_so(prepared):
    card = read_json(prepared / "card.json")
    card["quality"]["near_duplicates"] = {"threshold": 0.8, "note": "not looked for in 60,000 rows"}
    found = quality.found(card)
    assert found["note"] == "not looked for in 60,000 rows"
    assert {row["twins"] for row in found["splits"]} == {row["judged"] for row in found["splits"]} == {None}


def test_quality_and_nearest_rows_are_on_the_page_and_escaped(prepared, write_results):
    settings, results = write_results(datasets=("movie",), seeds=(0, 1), methods=("full", "lora"))
    for name in ("card.json", "train.parquet"):
        (results / "prepare/movie" / name).write_bytes((prepared / name).read_bytes())
    training = pd.read_parquet(prepared / "train.parquet")
    challenged = results / "challenge/movie/tiny/lora"
    words = {"seed": 0, "column": "text", "attribution": "leave_one_out", "output": 1.5, "remainder": None}
    word = {"place": 0, "word": "dull", "value": -2.0}
    write_frame(challenged / "attributions.parquet", pd.DataFrame([{**words, **word, "id": "test-0"}]))
    near = [
        {"id": "test-0", "rank": place + 1, "neighbour": row, "cosine": 0.9 - place / 10}
        for place, row in enumerate(training["id"][:5])
    ]
    write_frame(challenged / "neighbours.parquet", pd.DataFrame(near[::-1]))
    found = tables.Results(results)
    panels = tables.panels(settings, found)
    told = explained.found(panels[0], found)
    assert [entry["text"] for entry in told["rows"][0]["neighbours"]] == training["text"][:3].tolist()
    assert [entry["label"] for entry in told["rows"][0]["neighbours"]] == training["label"][:3].tolist()
    text = page(settings, panels, found)
    assert HOSTILE not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert f"0.90 · {training['label'][0].replace('<', '&lt;').replace('>', '&gt;')}" in text
    for expected in ("Quality of the data", "数据质量", "email: ", "test is small", "&lt;b&gt;bad&lt;/b&gt; <small"):
        assert expected in text
