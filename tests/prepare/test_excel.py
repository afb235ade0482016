"""Excel workbooks: rows at their numbers, header, sheets, and mistakes in one line."""

from datetime import datetime

import pytest

from tuneproof.errors import DataError
from tuneproof.prepare.formats import ExcelFormat
from tuneproof.prepare.inspect import inspect
from tuneproof.prepare.sources import get
from tuneproof.prepare.sources.base import Removed, Row

openpyxl = pytest.importorskip("openpyxl")


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(path, **form):
    found = list(get("excel")(path, ExcelFormat(kind="excel", **form)))
    rows = [(item.place.line, item.values) for item in found if isinstance(item, Row)]
    return rows, [(item.place.line, item.reason) for item in found if isinstance(item, Removed)]


def test_rows_with_their_numbers(tmp_path):
    rows = [
        ["text", "label"],
        ["fine", 1],
        [None, None],
        ["bad", 2.0],
        ["three", 1, "x"],
        [datetime(2024, 5, 17), None],
    ]
    path = workbook(tmp_path / "f.xlsx", one=rows)
    assert read(path) == (
        [
            (2, {"text": "fine", "label": 1}),
            (4, {"text": "bad", "label": 2}),
            (6, {"text": "2024-05-17T00:00:00", "label": None}),
        ],
        [(5, "3 columns instead of 2")],
    )
    assert read(path, columns=("a", "b", "c"))[0][0] == (1, {"a": "text", "b": "label", "c": None})


def test_sheets_are_named(tmp_path):
    path = workbook(tmp_path / "f.xlsx", one=[["a"], ["x"]], two=[["b"], ["y"]])
    assert read(path, sheet="two")[0] == [(2, {"b": "y"})]
    with pytest.raises(DataError, match=r"f\.xlsx: found 2 sheets; set format\.sheet: 'one', 'two'"):
        read(path)
    with pytest.raises(DataError, match=r"f\.xlsx: no sheet 'six'; allowed: 'one', 'two'"):
        read(path, sheet="six")


def test_mistakes(tmp_path, monkeypatch):
    path = workbook(tmp_path / "f.xlsx", one=[["a", "a"], ["x", "y"]])
    with pytest.raises(DataError, match=r"f\.xlsx:1: column 'a' stands twice"):
        read(path)
    (tmp_path / "g.xlsx").write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"g\.xlsx: not a readable Excel workbook"):
        read(tmp_path / "g.xlsx")
    with pytest.raises(DataError, match=r"no\.xlsx: cannot be read"):
        read(tmp_path / "no.xlsx")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"pip install 'tuneproof\[excel\]'"):
        read(path)


def test_a_workbook_is_inspected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [["Answer", "Class"], *([f"some text of row {n}", f"c{n % 2}"] for n in range(20))]
    seen = inspect(workbook(tmp_path / "f.xlsx", one=rows))
    assert (seen["format"]["kind"], seen["text"], seen["label"], seen["rows"]) == ("excel", "Answer", "Class", 20)
    assert seen["notes"] == []
