"""`prepare --inspect`: what it sees in a first-time user's files, and that the block it prints can be pasted."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tuneproof import cli, fetch, params
from tuneproof.prepare import run
from tuneproof.prepare.inspect import inspect

SHARED = Path(__file__).parents[3] / "shared" / "data"
RANDOM = random.Random(0)
WORDS = "the movie was really quite good bad awful great fine film plot actor scene story boring long".split()  # noqa: SIM905


def sentence(length=9):
    return " ".join(RANDOM.choice(WORDS) for _ in range(length))


ROWS = [(sentence(), "pos" if number % 3 else "neg") for number in range(60)]
SPAN = len(ROWS[0][0].split()[0])


def lines(make, header=""):
    return header + "".join(make(number, text, label) for number, (text, label) in enumerate(ROWS))


def json_lines(make):
    return lines(lambda *row: json.dumps(make(*row)) + "\n")


FILES = {  # name: content, task, text, label, and what the format must say
    "excel.csv": (
        lines(lambda n, t, c: f'{n};"{t}; ja";{c}\r\n', "\ufeffNr;Text;Sentiment\r\n"),
        ("classification", "Text", "Sentiment"),
        {"kind": "csv", "delimiter": ";", "encoding": "utf-8"},
    ),
    "german.csv": (
        lines(lambda n, t, c: f"{n};{t} schön für;{c}\r\n", "Id;Kommentar;Klasse\r\n").encode("latin-1"),
        ("classification", "Kommentar", "Klasse"),
        {"kind": "csv", "delimiter": ";", "encoding": "latin-1"},
    ),
    "pandas.csv": (
        lines(lambda n, t, c: f'{n},"{t}, yes",{int(c == "pos")}\n', ",text,label\n"),
        ("classification", "text", "label"),
        {"kind": "csv", "delimiter": ",", "quoting": True},
    ),
    "stars.tsv": (
        lines(lambda n, t, c: f'{t} "x\t{n % 5 + 1}\n', "review\tstars\n"),
        ("classification", "review", "stars"),
        {"kind": "csv", "delimiter": "\t", "quoting": False},
    ),
    "scores.tsv": (
        lines(lambda n, t, c: f"{n:04}\tgenre {n % 2}\t{n / 20:.2f}\t{t}\t{sentence()}\n"),
        ("regression", "text", "label"),
        {"kind": "csv", "columns": ["column_1", "column_2", "label", "text", "text_pair"]},
    ),
    "multi.csv": (
        lines(lambda n, t, c: f'"{t}\nsecond, line ""q""",{c}\n', "text,label\n"),
        ("classification", "text", "label"),
        {"kind": "csv", "quoting": True},
    ),
    "fasttext.txt": (
        lines(lambda n, t, c: f"__label__{c} {t}\n"),
        ("classification", "text", "label"),
        {"kind": "lines", "separator": " ", "prefix": "__label__"},
    ),
    "at.txt": (
        lines(lambda n, t, c: f"{t} {'@ ' * (n % 2)}home@{c}\n"),
        ("classification", "text", "label"),
        {"kind": "lines", "separator": "@", "label": "last"},
    ),
    "tab.txt": (
        lines(lambda n, t, c: f"{c}\t{t}\n"),
        ("classification", "text", "label"),
        {"kind": "csv", "columns": ["label", "text"]},
    ),
    "nested.jsonl": (
        json_lines(lambda n, t, c: {"id": n, "review": {"body": t}, "annotations": [{"label": c}]}),
        ("classification", "review.body", "annotations.0.label"),
        {"kind": "jsonl"},
    ),
    "doccano.jsonl": (
        json_lines(lambda n, t, c: {"id": n, "text": t, "label": [c]}),
        ("classification", "text", "label.0"),
        {"kind": "jsonl"},
    ),
    "tokens.jsonl": (
        json_lines(lambda n, t, c: {"id": str(n), "tokens": t.split(), "ner_tags": ["B-x"] + ["O"] * 8}),
        ("ner", "tokens", "ner_tags"),
        {"kind": "jsonl", "scheme": "iob2"},
    ),
    "spans.json": (
        json.dumps([{"text": text, "label": [[0, len(text.split()[0]), "x"]]} for text, _ in ROWS], indent=1),
        ("ner", "tokens", "tags"),
        {"kind": "spans"},
    ),
    "splits.json": (
        json.dumps({"train": ROWS[:40], "val": ROWS[40:50], "oos_test": ROWS[50:]}),
        ("classification", "0", "1"),
        {"kind": "json", "records": {"train": "train", "validation": "val", "test": "oos_test"}},
    ),
    "conll.txt": (
        "-DOCSTART- -X- O\n\n"
        + "\n \n".join(
            "\n".join(f"{at} {w} NN {'I-PER' if at == 0 else 'O'}" for at, w in enumerate(t.split())) for t, _ in ROWS
        ),
        ("ner", "tokens", "tags"),
        {"kind": "conll", "token": 1, "tag": -1, "scheme": "io"},
    ),
    "tag-first.txt": (
        "\n\n".join("\n".join(f"{'B-x' if at == 0 else 'O'}\t{w}" for at, w in enumerate(t.split())) for t, _ in ROWS),
        ("ner", "tokens", "tags"),
        {"kind": "conll", "token": 1, "tag": 0, "separator": "\t", "scheme": "iob2"},
    ),
    "pairs.tsv": (
        lines(lambda n, t, c: f"{n}\t{t}\t{sentence()}\t{c}\n", "index\tsentence1\tsentence2\tlabel\n"),
        ("classification", "sentence1", "label"),
        {"kind": "csv", "delimiter": "\t"},
    ),
    "table.parquet": (
        None,
        ("classification", "sentence", "label"),
        {"kind": "parquet"},
    ),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    return tmp_path


def write(name, content):
    if content is None:
        texts, labels = zip(*ROWS, strict=True)
        pq.write_table(pa.table({"sentence": texts, "label": labels, "idx": list(range(len(ROWS)))}), name)
    else:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def paste(block):
    """The block in a whole params file: checked by the command, then prepared; its card."""
    rest = {"models": {"m": {"path": "model"}}, "methods": {"full": {"tuning": "full"}}, "seeds": [0]}
    Path("params.yaml").write_text(block + yaml.safe_dump(rest), encoding="utf-8")
    assert cli.run_here(["check", "params.yaml"]) == 0
    [(name, dataset)] = params.load("params.yaml").datasets.items()
    run.run(dataset, name, fetch.fetch_data(dataset.source, Path("data")), Path("out"))
    return json.loads(Path("out/card.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_understood_and_its_block_can_be_pasted(project, capsys, name):
    content, (task, text, label), form = FILES[name]
    write(name, content)
    assert cli.run_here(["prepare", "--inspect", name, "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["task"], seen["text"], seen["label"]) == (task, text, label)
    assert {key: seen["format"].get(key) for key in form} == form
    assert (seen["rows"], seen["rows_read"], seen["removed"], seen["notes"]) == (60, 60, [], [])
    if task == "classification" and name not in ("pandas.csv", "stars.tsv"):
        assert seen["label_counts"] == {"neg": 20, "pos": 40}
    assert cli.run_here(["prepare", "--inspect", name]) == 0
    printed = capsys.readouterr().out
    assert "60 examples of 60 rows read" in printed
    card = paste(printed.partition("`tuneproof check`:")[2])
    assert (card["rows_read"], sum(card["rows"].values())) == (60, 60)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f.csv: the file is empty"),
        ("only text here\nand here\n", "f.csv: no format fits"),
        ('{"a": ["x", "y"]}', "f.csv: JSON without a list of objects or lists"),
        (
            "question,answer\na b c,d e f g h\ng h i,j k l m n o\n",
            "f.csv: no column looks like a label; columns found: question",
        ),
        (b"PAR1 and no more", "f.csv: not a readable Parquet file"),
        (bytes(range(256)), "f.csv:2: byte 0x80: found a binary file"),
    ],
)
def test_what_cannot_be_read_is_one_line(project, capsys, content, message):
    write("f.csv", content)
    assert cli.run_here(["prepare", "--inspect", "f.csv"]) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {message}")
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_missing_file_and_missing_options(project, capsys):
    assert cli.run_here(["prepare", "--inspect", "no.csv"]) == 1
    assert capsys.readouterr().err.startswith("error: no.csv: cannot be read (No such file or directory)")
    assert cli.run_here(["prepare"]) == 1
    assert "needs --inspect FILE; or --settings, --manifest and --out" in capsys.readouterr().err


def test_numbers_are_right(project):
    rows = ["a b c,x", "a b c,x", "torn one,x", "torn one,y", ",y", "long text of six words here,y", "d e,z,extra"]
    write("f.csv", "\n".join(["text,label", *rows]) + "\n")
    seen = inspect(Path("f.csv"))
    assert (seen["rows_read"], seen["rows"]) == (7, 5)
    assert {item["reason"]: item["lines"] for item in seen["removed"]} == {
        "empty text": {"f.csv": "6"},
        "3 columns instead of 2": {"f.csv": "8"},
    }
    assert seen["duplicates"] == {"repeated": 1, "conflicting": 2, "distinct": 2}
    assert seen["label_counts"] == {"x": 3, "y": 2}
    assert seen["words"] == {"min": 2, "median": 3, "p95": 3, "max": 6}
    assert seen["characters"] == {"min": 5, "median": 8, "p95": 8, "max": 27}
    [note] = seen["notes"]
    assert note.startswith("prepare would stop: datasets.f: split asks for 1 rows for validation and 1 rows for test")


def test_what_steers_a_terminal_is_spelled_out(project, capsys):
    write("f.csv", "text,label\n" + "".join(f"word {n} more,bad\x1b[31m{n % 2}\n" for n in range(20)))
    assert cli.run_here(["prepare", "--inspect", "f.csv"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data on this machine")
@pytest.mark.parametrize(
    ("name", "rows", "read", "task", "encoding"),
    [
        ("pair_stsb/sts-train.csv", 5749, 5749, "regression", "utf-8"),
        ("pair_stsb/sts-dev.csv", 1500, 1500, "regression", "utf-8"),
        ("pair_stsb/sts-test.csv", 1379, 1379, "regression", "utf-8"),
        ("ner_wnut17/wnut17train.conll", 3394, 3394, "ner", "utf-8"),
        ("ner_wnut17/emerging.dev.conll", 1009, 1009, "ner", "utf-8"),
        ("ner_wnut17/emerging.test.annotated", 1287, 1287, "ner", "utf-8"),
        ("cls_clinc150/data_full.json", 23700, 23700, "classification", "utf-8"),
        ("cls_fin_phrasebank/Sentences_50Agree.txt", 4846, 4846, "classification", "latin-1"),
        ("cls_fin_phrasebank/Sentences_AllAgree.txt", 2263, 2264, "classification", "latin-1"),
    ],
)
def test_real_files(project, monkeypatch, name, rows, read, task, encoding):
    monkeypatch.setenv("TUNEPROOF_ALLOW", str(SHARED))
    seen = inspect(SHARED / name)
    assert (seen["rows"], seen["rows_read"], seen["task"], seen["encoding"]) == (rows, read, task, encoding)
    assert seen["notes"] == []
    card = paste(seen["block"])
    assert card["rows_read"] == read
