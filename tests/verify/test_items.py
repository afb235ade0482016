"""What a comparison says about two files or numbers."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tuneproof.files import sha256, write_frame, write_json, write_text
from tuneproof.verify.items import Item, by_bytes, by_hash, by_value, frames, summary


def test_hash(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "a")
    assert by_hash("a", path, sha256(path)).outcome == "same"
    assert by_hash("a", path, "0" * 64) == Item("differs", "a", f"sha256 {sha256(path)[:12]}, {'0' * 12}")
    assert by_hash("a", path, None).outcome == "missing"
    assert by_hash("a", tmp_path / "b", "0" * 64).outcome == "missing"


@pytest.mark.parametrize(
    ("stored", "again", "outcome", "told"),
    [
        (0.5, 0.5, "same", "0.5"),
        (0.5, 0.75, "differs", "stored 0.5, again 0.75, by +0.25"),
        (None, math.nan, "same", "not defined"),
        (0.5, None, "differs", "stored 0.5, again None"),
    ],
)
def test_value(stored, again, outcome, told):
    assert by_value("f1", stored, again) == Item(outcome, "f1", told)


def test_json_says_which_key(tmp_path):
    write_json(tmp_path / "a.json", {"a": {"b": [1, 2]}})
    write_json(tmp_path / "b.json", {"a": {"b": [1, 3]}})
    assert by_bytes("a", tmp_path / "a.json", tmp_path / "b.json").detail == "a.b[1]: 2; again 3"
    write_text(tmp_path / "b.json", '{"a": {"b": [1, 2]}}')
    assert by_bytes("a", tmp_path / "a.json", tmp_path / "b.json").detail == "only in how it is written"


def test_a_broken_file_is_a_difference_and_no_crash(tmp_path):
    write_json(tmp_path / "b.json", {})
    write_text(tmp_path / "a.json", "{")
    assert "not valid JSON" in by_bytes("a", tmp_path / "a.json", tmp_path / "b.json").detail
    write_frame(tmp_path / "b.parquet", pd.DataFrame({"a": [1]}))
    write_text(tmp_path / "a.parquet", "PAR1")
    assert "not a readable Parquet file" in by_bytes("a", tmp_path / "a.parquet", tmp_path / "b.parquet").detail


def test_text_says_which_line(tmp_path):
    write_text(tmp_path / "a.csv", "a\n1\n2\n")
    write_text(tmp_path / "b.csv", "a\n1\n3\n")
    assert by_bytes("a", tmp_path / "a.csv", tmp_path / "b.csv").detail == "from line 3 of 3 on"
    assert by_bytes("a", tmp_path / "a.csv", tmp_path / "c.csv").outcome == "missing"
    assert by_bytes("a", tmp_path / "c.csv", tmp_path / "b.csv").outcome == "missing"


def test_frames_say_how_many_rows_and_by_how_much():
    one = pd.DataFrame({"id": ["a", "b"], "probabilities": [[0.5, 0.5], [0.2, 0.8]], "gap": [math.nan, 1.0]})
    other = one.assign(probabilities=[[0.5, 0.5], [0.25, 0.75]])
    assert frames(one, one) == "only in how it is written"
    assert frames(one, other) == "probabilities: 1 of 2 rows, by up to 0.05"
    assert frames(one, other.head(1)) == "2 rows; again 1"
    assert frames(one, other[["id"]]) == "columns id, probabilities, gap; again id"
    assert frames(one, one.assign(id=["a", "c"])) == "id: 1 of 2 rows"


def test_verified_is_said_only_where_all_is_the_same():
    same, differs, missing = Item("same", "a"), Item("differs", "b"), Item("missing", "c")
    assert summary([same, same]) == "verified: 2 items, all the same"
    assert summary([same, differs, missing]) == "not verified: 3 items, 1 differing, 1 missing"
    assert summary([]) == "not verified: nothing was found to check"
