"""Data files out of a stranger's hands: a row is used, or removed and counted; a file is refused in one line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tuneproof import files
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import clean, run


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`prepared(lines, kind)`: the card of a file with these lines before forty good ones."""
    monkeypatch.chdir(tmp_path)

    def prepare(lines: list[str], kind: str, **options: Any) -> dict[str, Any]:
        good = [json.dumps({"text": f"film {i}", "label": "pn"[i % 2]}) for i in range(40)]
        if kind == "csv":
            good = [f"film {i},{'pn'[i % 2]}" for i in range(40)]
            lines = ["text,label", *lines]
        Path("a").write_text("\n".join([*lines, *good]) + "\n", encoding="utf-8")
        declared = {"task": "classification", "source": {"path": "a"}, "format": {"kind": kind, **options}}
        manifest = {"kind": "path", "files": {"all": {"path": "a", "sha256": files.sha256(Path("a")), "origin": "a"}}}
        run.run(Dataset.model_validate(declared), "toy", manifest, Path("out"))
        return files.read_json(Path("out/card.json"))

    return prepare


def reasons(card: dict[str, Any]) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in card["removed"] if entry["count"]}


DEEP = '{"text": ' + "[" * 200_000 + "]" * 200_000 + ', "label": "p"}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (DEEP, "not valid JSON"),
        ('{"text": ' + '{"a":' * 200_000 + "1" + "}" * 200_000 + "}", "not valid JSON"),
        ('{"text": "a", "label": ' + "9" * 10_000 + "}", "not valid JSON"),
        ('{"text": "a", "label": NaN, "label": {"$where": "1"}}', "label is a list or mapping"),
        ('{"text": "\\ud800", "label": "p"}', "not valid Unicode"),
        (json.dumps({"text": "x" * 3_000_000, "label": "p"}), "longer than 1,000,000 characters"),
        ('{"text": {"__class__": "os.system"}, "label": "p"}', "'text' is not a text"),
        ("\x00" * 1000, "not valid JSON"),
    ],
    ids=["deep list", "deep mapping", "long number", "repeated key", "surrogate", "huge text", "object", "zeros"],
)
def test_hostile_lines_are_removed_and_counted(prepared: Any, line: str, reason: str) -> None:
    start = time.monotonic()
    card = prepared([line], "jsonl")
    assert reasons(card) == {reason: 1}
    assert sum(card["rows"].values()) == 40
    assert time.monotonic() - start < 30


def test_a_line_of_megabytes_is_removed(prepared: Any) -> None:
    assert reasons(prepared(["y" * 5_000_000 + ",p"], "csv")) == {"longer than 1,000,000 characters": 1}
    card = prepared(["," * 2_000_000], "csv", quoting=False)
    assert reasons(card) == {"2000001 columns instead of 2": 1}


def test_a_quote_that_never_ends_takes_no_row_in_silence(prepared: Any) -> None:
    endless = ['"' + "z" * 200_000]
    assert reasons(prepared(endless, "csv")) == {"no column 'label' in the row": 1}  # read as plain text
    card = prepared(endless, "csv", quoting=True)
    ((reason, count),) = reasons(card).items()
    assert (reason.partition(" (")[0], count) == ("broken quoting", 1)
    assert sum(card["rows"].values()) == 40  # it costs its own row


@pytest.mark.parametrize("encoding", ["zlib_codec", "undefined", "nothing", "hex", "\0", "../x", ""])
def test_an_encoding_is_one_of_text(prepared: Any, encoding: str) -> None:
    with pytest.raises(DataError, match="unknown encoding") as caught:
        prepared([], "csv", encoding=encoding)
    assert len(str(caught.value).splitlines()) == 1


def test_a_text_is_as_long_as_a_text_may_be(prepared: Any) -> None:
    card = prepared([json.dumps({"text": "w" * clean.LONGEST, "label": "p"})], "jsonl")
    assert reasons(card) == {}
