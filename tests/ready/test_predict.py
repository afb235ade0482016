"""Texts in, answers out: files, entities, tables."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from tuneproof import tasks
from tuneproof.challenge.predictor import Answers
from tuneproof.errors import DataError
from tuneproof.ready import predict

LABELS = ["O", "B-city", "I-city"]


class Known:
    """A predictor that knows its answers: two words from the second one on are a city."""

    task = tasks.get("ner")
    labels = LABELS

    def predict(self, texts):
        self.asked = texts
        tags = [["O", "B-city", "I-city", *["O"] * (len(words) - 3)][: len(words)] for words in texts]
        shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.2, 0.5], *[[0.9, 0.1, 0.0]] * 20])
        return Answers(tags, [shares[: len(words)] for words in texts])


def test_entities_are_places_of_the_text_with_the_least_sure_word_s_confidence():
    text = "In  New York, it's raining."
    known = Known()
    found = predict.answer(known, [{"text": text}, {"text": "  "}])
    assert known.asked == [["In", "New", "York", ",", "it's", "raining", "."]]
    assert found[1] == {"text": "  ", "entities": []}
    (entity,) = found[0]["entities"]
    assert entity["text"] == text[entity["start"] : entity["end"]] == "New York"
    assert entity["type"] == "city"
    assert entity["confidence"] == pytest.approx(0.7)  # words: 0.6 + 0.3 and 0.2 + 0.5


def test_given_words_stay_as_they_are():
    known = Known()
    found = predict.answer(known, [{"tokens": ["In", "New-", "York's"]}])
    assert known.asked == [["In", "New-", "York's"]]
    assert found[0]["entities"][0]["text"] == "New- York's"


def test_files(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one\n\n two \n")
    assert predict.read(str(tmp_path / "a.txt")) == [{"text": "one"}, {"text": "two"}]
    (tmp_path / "a.csv").write_text('id,text,text_pair\n1,"a, b",c\n2,d,\n')
    assert predict.read(str(tmp_path / "a.csv")) == [
        {"text": "a, b", "text_pair": "c"},
        {"text": "d", "text_pair": ""},
    ]
    (tmp_path / "a.jsonl").write_text('{"text": "é", "id": 3}\n\n{"tokens": ["a", "b"]}\n')
    assert predict.read(str(tmp_path / "a.jsonl")) == [{"text": "é"}, {"tokens": ["a", "b"]}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\ny\n"))
    assert predict.read("-") == [{"text": "x"}, {"text": "y"}]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.tsv", b"x", r"allowed: a name that ends in \.txt, \.csv, \.jsonl, or -"),
        ("a.csv", b"a,b\n1,2\n", "found columns a, b; allowed: text, text_pair"),
        ("a.jsonl", b'{"text": "x"}\n{"text": 3}\n', "line 2: allowed: an object with text"),
        ("a.jsonl", b"{}\n", "line 1: allowed"),
        ("a.jsonl", b"{x\n", "line 1: not JSON"),
        ("a.txt", b"\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told):
        predict.read(str(tmp_path / name))


def test_flat_rows_start_no_formula():
    rows = [{"text": "=1+1", "label": "a", "confidence": 0.9, "probabilities": {"a": 0.9, "b": 0.1}}]
    assert predict.columns(rows) == [
        {"row": 1, "text": "'=1+1", "label": "a", "confidence": 0.9, "probability a": 0.9, "probability b": 0.1}
    ]
    entity = {"type": "city", "text": "@home", "start": 0, "end": 5, "confidence": 0.5}
    flat = predict.columns([{"text": "x", "entities": []}, {"text": "@home", "entities": [entity]}])
    assert [(row["row"], row["entity"]) for row in flat] == [(2, "'@home")]
