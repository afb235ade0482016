"""A command: what it is asked, what it may answer, and that it does not run unless the environment allows it."""

import json
import random
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from tuneproof import boundary
from tuneproof.augment import command as module
from tuneproof.augment import run
from tuneproof.augment.command import Command
from tuneproof.augmentation import Augmentation
from tuneproof.errors import MethodError
from tuneproof.prepare import clean

ROWS = [{"id": key, "text": f"text {key}", "label": "x", "kept": "k"} for key in "aab"]
SENTENCES = [{"id": "a", "tokens": ["Ann", "ran"], "tags": ["B-per", "O"]}]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write a program whose `change(row)` gives what it writes for a row, and allow it."""
    monkeypatch.chdir(tmp_path)
    Path("python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(change, end="", allow=True):
        lines = f"import json, sys\nrows = [json.loads(line) for line in sys.stdin]\n{change}\n{end}\n"
        Path("mine.py").write_text(lines)
        command = Command(command=("python", "mine.py", "it's"))
        monkeypatch.setenv(boundary.COMMANDS, f"other\n {shlex.join(command.command)}\n" if allow else "python")
        return command

    return write


def each(answer):
    return f"for row in reversed(rows): print(json.dumps({answer}))"


KEY = '"id": row["id"], "copy": row["copy"]'
UPPER = each(f'{{{KEY}, "text": row["text"].upper(), "label": "wrong"}}')


def changes(command, rows=ROWS, seed=0):
    shared = command.prepare(pd.DataFrame(rows))
    return command.changes(rows, shared, [random.Random(seed + place) for place in range(len(rows))])


def failing(command, rows=ROWS):
    with pytest.raises(MethodError) as caught:
        changes(command, rows)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_texts_change_and_all_else_stays(program):
    assert changes(program(UPPER)) == [{**row, "text": row["text"].upper()} for row in ROWS]


def test_what_it_is_asked(program):
    told = f"open('asked', 'w').write(json.dumps(rows))\n{UPPER}"
    changes(program(told))
    asked = json.loads(Path("asked").read_text())
    assert [row.pop("seed") for row in asked] == [random.Random(place).getrandbits(32) for place in range(3)]
    assert asked == [{**row, "copy": copy} for row, copy in zip(ROWS, (0, 1, 0), strict=True)]


def test_what_could_not_be_changed(program):
    answer = each(f'{{{KEY}, "text": None}} if row["id"] == "b" else {{{KEY}}}')
    assert changes(program(answer)) == [None, None, None]


def test_nothing_asked_nothing_run(program):
    assert program(UPPER, allow=False).changes([], frozenset(), []) == []


def test_pairs(program):
    rows = [{"id": "a", "text": "one", "text_pair": "two", "label": 2.5}]
    assert changes(program(each(f'{{{KEY}, "text": " 1 "}}')), rows) == [{**rows[0], "text": "1"}]
    both = each(f'{{{KEY}, "text": "1", "text_pair": "2"}}')
    assert changes(program(both), rows) == [{**rows[0], "text": "1", "text_pair": "2"}]


def test_sentences(program):
    answer = each(f'{{{KEY}, "tokens": ["Bob", "Ray", "sat"], "tags": ["B-per", "I-per", "O"]}}')
    new = {"id": "a", "tokens": ["Bob", "Ray", "sat"], "tags": ["B-per", "I-per", "O"]}
    assert changes(program(answer), SENTENCES) == [new]
    assert changes(program(each(f"{{{KEY}}}")), SENTENCES) == [None]


@pytest.mark.parametrize(
    ("tokens", "tags", "why"),
    [
        (["a"], None, "two lists of one length"),
        (["a", "b"], ["O"], "two lists of one length"),
        ([], [], "two lists of one length"),
        (["a", ""], ["O", "O"], "found ''; allowed: text"),
        (["a", 1], ["O", "O"], "found '1'; allowed: text"),
        (["a"], ["I-per"], "allowed: strict IOB2"),
        (["a"], ["E-per"], "outside iob2"),
        (["a"], ["B-loc"], "found type 'loc'; allowed: per"),
    ],
)
def test_sentences_that_are_refused(program, tokens, tags, why):
    assert why in failing(program(each(f'{{{KEY}, "tokens": {tokens!r}, "tags": {tags!r}}}')), SENTENCES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("pass", "python wrote 0 lines; it was asked for 3"),
        (each(f'{{{KEY}, "text": "x"}}') + "\nprint('{}')", "line 4 of its output: found id None, copy None"),
        (each('{"id": row["id"], "copy": 7, "text": "x"}'), "line 1 of its output: found id 'b', copy 7"),
        (each('{"id": "a", "copy": False, "text": "x"}'), "found id 'a', copy False"),
        (each('{"id": ["a"], "copy": 0}'), r"found id ['a'], copy 0"),
        (each('{"id": "a", "copy": 0, "text": "x"}'), "line 2 of its output: id 'a', copy 0 for the second time"),
        ("print('no')", "line 1 of its output: not JSON"),
        ("print('[' * 100000)", "not JSON"),
        ("print(1)", "found int; allowed: an object"),
        (each(f'{{{KEY}, "text": 5}}'), "found '5'; allowed: text, not empty"),
        (each(f'{{{KEY}, "text": "  "}}'), "text, not empty"),
        (each(f'{{{KEY}, "text": "\\ud800"}}'), "text, not empty"),
        (each(f'{{{KEY}, "text": "x" * 1000001}}'), "up to 1,000,000 characters"),
        ("sys.stdout.buffer.write(b'\\xff')", "not UTF-8, the first at 0"),
        ("sys.exit('first\\nlast reason\\n')", "python ended with exit code 1: last reason"),
        ("sys.exit(3)", "exit code 3: it told no reason"),
    ],
)
def test_what_is_refused(program, change, why):
    assert why in failing(program(change))


def test_reasons_tell_no_secrets(program, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    told = failing(program("import os; sys.exit('denied for ' + os.environ['HF_TOKEN'])"))
    assert told == "python ended with exit code 1: denied for …"


def test_timeout(program):
    command = program("import time; time.sleep(60)").model_copy(update={"timeout": 0.5})
    assert failing(command) == "python was ended after 0.5 s, its timeout"


def test_it_does_not_run_unless_the_environment_allows_just_these_words(program, monkeypatch):
    command = program("open('ran', 'w')", allow=False)
    line = "python mine.py 'it'\"'\"'s'"
    assert (
        failing(command) == f"params alone cannot have a program run; to allow it, set {boundary.COMMANDS} to: {line}"
    )
    monkeypatch.setenv(boundary.COMMANDS, f"{line} more")
    assert command.unavailable() is not None
    monkeypatch.delenv(boundary.COMMANDS)
    assert command.unavailable() is not None
    assert not Path("ran").exists()
    monkeypatch.setenv(boundary.COMMANDS, line)
    assert command.unavailable() is None


@pytest.mark.parametrize("path", ["/usr/bin/env", "../mine", "my/../../mine"])
def test_programs_outside_the_project(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(boundary.COMMANDS, path)
    assert "outside the project" in str(Command(command=[path]).unavailable())


def test_no_such_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(boundary.COMMANDS, "./mine")
    assert Command(command=["./mine"]).unavailable() == "program './mine' not found, or not executable"
    Path("mine").write_text("no program")
    Path("mine").chmod(0o755)
    assert "cannot be started: Exec format error" in failing(Command(command=["./mine"]))


@pytest.mark.parametrize("command", [[], [""], ["a", "b\nc"], ["a\x1b"]])
def test_words_are_checked(command):
    with pytest.raises(ValidationError):
        Command(command=command)


def test_texts_are_those_that_prepare_takes():
    assert (module.LONGEST, module.SURROGATE.pattern) == (clean.LONGEST, clean.SURROGATE.pattern)


def test_the_stage(program, tmp_path):
    for split, text in {"train": "one", "validation": "two", "test": "three"}.items():
        pd.DataFrame({"id": [split], "text": [text], "label": ["x"]}).to_parquet(tmp_path / f"{split}.parquet")
    words = list(program(UPPER).command)
    declared = Augmentation.model_validate({"technique": "command", "command": words, "copies": 2})
    run.run(declared, "mine", "classification", tmp_path, tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / "train.parquet")
    assert list(frame["text"]) == ["one", "ONE"]
    assert json.loads((tmp_path / "out" / "card.json").read_text())["technique"]["command"] == words
