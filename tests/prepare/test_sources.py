"""Readers: each row of a file comes out as a row or as a removed row, at the right line."""

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.errors import DataError
from tuneproof.origins import HubSource
from tuneproof.prepare.formats import KINDS, ConllFormat, CsvFormat, JsonlFormat
from tuneproof.prepare.sources import READERS, get, hub
from tuneproof.prepare.sources.base import Removed, Row


def read(content, **form):
    """What a reader makes of a file: rows as (line, values), removed rows as (line, reason)."""
    kinds = {"csv": CsvFormat, "jsonl": JsonlFormat, "conll": ConllFormat}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.txt"
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        found = list(get(form["kind"])(path, kinds[form["kind"]](**form)))
    rows = [(item.place.line, item.values) for item in found if isinstance(item, Row)]
    removed = [(item.place.line, item.reason) for item in found if isinstance(item, Removed)]
    assert len(rows) + len(removed) == len(found)
    return rows, removed


# csv


def test_csv_with_header():
    rows, removed = read("text,label\nfine,1\n\nbad,0\n", kind="csv")
    assert rows == [(2, {"text": "fine", "label": "1"}), (4, {"text": "bad", "label": "0"})]
    assert removed == []


def test_csv_byte_order_mark_and_crlf():
    rows, _ = read("\ufefftext,label\r\nfine,1\r\n", kind="csv")
    assert rows == [(2, {"text": "fine", "label": "1"})]


def test_csv_ragged_rows():
    rows, removed = read("id,text,label\n1,a,x\n2,a,b,x\n3,c\n", kind="csv")
    assert rows == [(2, {"id": "1", "text": "a", "label": "x"}), (4, {"id": "3", "text": "c"})]
    assert removed == [(3, "4 columns instead of 3")]


def test_quoted_fields_span_lines():
    rows, removed = read('text,label\n"two\nlines, with ""quotes""",x\nnext,y\n', kind="csv")
    assert rows == [(2, {"text": 'two\nlines, with "quotes"', "label": "x"}), (4, {"text": "next", "label": "y"})]
    assert removed == []


def test_broken_quoting_is_reported_not_swallowed():
    rows, removed = read('text,label\n"open",x\n"not" closed,y\nlast,z\n"never closed,w\n', kind="csv", quoting=True)
    assert [line for line, _ in rows] == [2, 4]
    assert [line for line, _ in removed] == [3, 5]
    assert all("quoting: false" in reason for _, reason in removed)


def test_quotes_as_plain_text():
    content = '"open\ta\nsaid "hi"\tb\n'
    rows, removed = read(content, kind="csv", delimiter="\t", quoting=False, columns=("text", "label"))
    assert rows == [(1, {"text": '"open', "label": "a"}), (2, {"text": 'said "hi"', "label": "b"})]
    assert removed == []


@settings(deadline=None)
@given(st.text(alphabet='ab,\t"\n\r \u2028é', max_size=80))
def test_plain_rows_are_the_lines_that_are_not_empty(content):
    rows, removed = read(content, kind="csv", quoting=False, columns=("a", "b"))
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    expected = {number: line.split(",") for number, line in enumerate(lines, start=1) if line}
    assert sorted([line for line, _ in rows] + [line for line, _ in removed]) == sorted(expected)
    assert all(list(values.values()) == expected[line] for line, values in rows)
    assert all(len(expected[line]) > 2 for line, _ in removed)


FIELD = st.text(alphabet='ab,"\n é\u2028;', max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(FIELD, FIELD), max_size=10))
def test_what_csv_writes_is_read_back(table):
    sink = io.StringIO()
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *table])
    rows, removed = read(sink.getvalue(), kind="csv")
    assert removed == []
    assert [tuple(values.values()) for _, values in rows] == table


@settings(deadline=None)
@given(st.text(alphabet='ab,"\n ', max_size=60))
def test_quoted_rows_are_all_accounted_for(content):
    rows, removed = read(content, kind="csv", columns=("a", "b"))
    lines = sorted([line for line, _ in rows] + [line for line, _ in removed])
    assert len(set(lines)) == len(lines)
    assert all(1 <= line <= content.count("\n") + 1 for line in lines)
    assert bool(lines) == bool(content.strip("\n"))


def test_repeated_column():
    with pytest.raises(DataError, match=r"f\.txt:1: column 'a' stands twice"):
        read("a,b,a\n1,2,3\n", kind="csv")


# jsonl


def test_jsonl():
    rows, removed = read('\ufeff{"text": "a", "label": 1}\n\n[1]\n{"text": \nnull\n{"text": "b"}', kind="jsonl")
    assert rows == [(1, {"text": "a", "label": 1}), (6, {"text": "b"})]
    assert removed == [(3, "not a JSON object"), (4, "not valid JSON"), (5, "not a JSON object")]


def test_json_nested_too_deep_is_removed():
    assert read("[" * 100_000, kind="jsonl") == ([], [(1, "not valid JSON")])


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=20), st.dictionaries(st.text(max_size=3), st.integers()).map(json.dumps))))
def test_jsonl_rows_are_the_lines_that_are_not_blank(lines):
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines]
    content = "\n".join(lines).encode("utf-8", "replace").decode()
    rows, removed = read(content, kind="jsonl")
    expected = [
        number for number, line in enumerate(content.removeprefix("\ufeff").split("\n"), start=1) if line.strip()
    ]
    assert sorted([line for line, _ in rows] + [line for line, _ in removed]) == expected


# conll


def test_conll_sentences():
    content = (
        "-DOCSTART- -X- O\n\nEU NNP B-org\nrejects VBZ O\n\t\nPeter NNP B-per\n  \n\n-DOCSTART- -X- O\nBlack NNP I-per"
    )
    rows, removed = read(content, kind="conll")
    assert rows == [
        (3, {"tokens": ["EU", "rejects"], "tags": ["B-org", "O"]}),
        (6, {"tokens": ["Peter"], "tags": ["B-per"]}),
        (10, {"tokens": ["Black"], "tags": ["I-per"]}),
    ]
    assert removed == []


def test_conll_bad_lines_remove_their_sentence():
    content = "a O\nb\n\nc O\nd X-what\n\ne O\n"
    rows, removed = read(content, kind="conll", scheme="iob2")
    assert rows == [(7, {"tokens": ["e"], "tags": ["O"]})]
    assert removed == [(2, "a line with 1 column"), (5, "a tag outside iob2")]


def test_conll_columns_and_separator():
    rows, removed = read("1,New York,x,O\n2,b,x,B-a\n3,c\n", kind="conll", token=1, tag=3, separator=",")
    assert (rows, removed) == ([], [(3, "a line with 2 columns")])
    rows, _ = read("1,New York,x,O\n2,b,x,B-a\n", kind="conll", token=1, tag=-1, separator=",")
    assert rows == [(1, {"tokens": ["New York", "b"], "tags": ["O", "B-a"]})]


def test_conll_keeps_a_no_break_space_in_its_token():
    rows, _ = read("a\u00a0b O\n", kind="conll")
    assert rows == [(1, {"tokens": ["a\u00a0b"], "tags": ["O"]})]


LINE = st.sampled_from(["a O", "b\tB-x", "c I-x", "", "\t", "  ", "d", "e ?", "-DOCSTART- O"])


@settings(deadline=None)
@given(st.lists(LINE, max_size=25), st.sampled_from(["\n", "\r\n"]))
def test_conll_rows_are_the_runs_between_blank_lines(lines, end):
    rows, removed = read(end.join(lines), kind="conll", scheme="iob2")
    apart = [not line.strip() or line.startswith("-DOCSTART-") for line in lines]
    starts = [i + 1 for i, blank in enumerate(apart) if not blank and (i == 0 or apart[i - 1])]
    assert len(rows) + len(removed) == len(starts)
    assert {line for line, _ in rows} <= set(starts)
    good = sum(line in ("a O", "b\tB-x", "c I-x") for line in lines)
    assert sum(len(values["tokens"]) for _, values in rows) <= good
    if not removed:
        assert sum(len(values["tokens"]) for _, values in rows) == good


# all


@pytest.mark.parametrize("kind", ["csv", "jsonl", "conll"])
def test_wrong_encoding_names_file_and_line(kind):
    with pytest.raises(DataError, match=r"f\.txt:3: byte 0xe9 is not utf-8; set `encoding`"):
        read(b"a O\n\ncaf\xe9 O\n", kind=kind, encoding="utf-8")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "conll"])
def test_unknown_encoding(kind):
    with pytest.raises(DataError, match="unknown encoding 'utf-9'"):
        read(b"a O\n", kind=kind, encoding="utf-9")


def test_other_encodings():
    assert read("text\ncafé\n".encode("latin-1"), kind="csv", encoding="latin-1")[0] == [(2, {"text": "café"})]
    assert read("text\ncafé\n".encode("utf-16"), kind="csv", encoding="utf-16")[0] == [(2, {"text": "café"})]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "conll"])
def test_missing_file(kind, tmp_path):
    form = {"csv": CsvFormat, "jsonl": JsonlFormat, "conll": ConllFormat}[kind](kind=kind)
    with pytest.raises(DataError, match=r"no\.txt: cannot be read"):
        list(get(kind)(tmp_path / "no.txt", form))


def test_every_reader_is_there():
    assert set(READERS) == {"hub", *(kind for kinds in KINDS.values() for kind in kinds)}
    assert all(callable(get(kind)) for kind in READERS)


# hub


def test_hub_class_numbers_become_names(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "words": datasets.List(datasets.Value("string")),
            "ner": datasets.List(datasets.ClassLabel(names=["O", "B-x"])),
            "label": datasets.ClassLabel(names=["no", "yes"]),
            "nested": {"deep": datasets.Value("string")},
        }
    )
    columns = {"words": [["a", "b"], ["ç"]], "ner": [[0, 1], [0]], "label": [1, -1], "nested": [{"deep": "x"}] * 2}
    stored = datasets.Dataset.from_dict(columns, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: stored)
    [path] = hub.export(HubSource(hub="some/set", revision="a" * 40), tmp_path, cache=tmp_path)
    rows = list(get("hub")(path, None))
    assert [row.values for row in rows] == [
        {"words": ["a", "b"], "ner": ["O", "B-x"], "label": "yes"},
        {"words": ["ç"], "ner": ["O"], "label": None},
    ]
    assert [str(row.place) for row in rows] == ["train.jsonl:1", "train.jsonl:2"]


def test_hub_set_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    real = datasets.load_dataset
    monkeypatch.setattr(
        datasets, "load_dataset", lambda _, *more, **options: real(str(tmp_path / "no"), *more, **options)
    )
    with pytest.raises(DataError, match="cannot be fetched") as raised:
        hub.export(HubSource(hub="some/set", revision="a" * 40), tmp_path, cache=tmp_path)
    assert "\n" not in str(raised.value)


def test_a_folder_of_the_hub_set_s_name_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("some/set").mkdir(parents=True)
    with pytest.raises(DataError, match="some/set: a file or folder of that name lies here"):
        hub.export(HubSource(hub="some/set", revision="a" * 40), tmp_path / "out", cache=tmp_path)


def test_hub_needs_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'tuneproof\[hub\]'"):
        hub.export(HubSource(hub="some/set", revision="a" * 40), tmp_path, cache=tmp_path)
