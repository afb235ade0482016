"""Every mistake in a params file is one line: key path, value found, what is allowed, nearest valid name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof import adversarial, augment, params, tasks, tunings
from tuneproof.errors import ParamsError

GOOD: dict[str, Any] = {
    "datasets": {"toy": {"task": "classification", "source": {"path": "toy.csv"}, "format": {"kind": "csv"}}},
    "models": {"mini": {"path": "models/mini"}},
    "methods": {"full": {"tuning": "full"}, "lora": {"tuning": {"name": "lora", "rank": 4}}},
    "augmentations": {"swap": {"technique": "synonym", "copies": 2}},
    "seeds": [0, 1],
}
LORA = ", ".join(tunings.get("lora").model_fields)
ATTACKS = ", ".join(adversarial.ADVERSARIAL)
TUNINGS, TASKS, TECHNIQUES = map(", ".join, (tunings.TUNINGS, tasks.TASKS, augment.TECHNIQUES))


def changed(**changes: Any) -> dict[str, Any]:
    """The good params with values put at paths written `methods__lora__tuning`."""
    content = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = content
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = value
    return content


def lines(content: Any) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        params.check(content)
    assert caught.value.exit_code == 2
    assert all("\n" not in line and line.startswith("params.yaml: ") for line in caught.value.lines)
    return [line.removeprefix("params.yaml: ") for line in caught.value.lines]


def test_good_params_are_accepted_with_defaults_filled_in() -> None:
    loaded = params.check(GOOD)
    assert loaded.methods["lora"].tuning["rank"] == 4
    assert loaded.methods["lora"].tuning["name"] == "lora"
    assert loaded.augmentations["swap"].technique["copies"] == 2
    assert loaded.seeds == (0, 1)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (
            "sedes",
            [1],
            "sedes: unknown key; allowed: results, datasets, models, methods, augmentations, search, training, seeds, "
            "ensembles, evaluation, report; did you mean seeds?",
        ),
        (
            "seeds",
            [],
            "seeds: found []; allowed: a list of at least 1, each a whole number, at least 0 and below 2147483648",
        ),
        ("seeds", [3, 3], "seeds: found [3, 3]; allowed: each seed once"),
        ("seeds", [0, -1], "seeds.1: found -1; allowed: a whole number, at least 0 and below 2147483648"),
        ("seeds", ["1"], 'seeds.0: found "1"; allowed: a whole number, at least 0 and below 2147483648'),
        ("seeds", [True], "seeds.0: found true; allowed: a whole number, at least 0 and below 2147483648"),
        ("datasets", {}, "datasets: found {}; allowed: a mapping with at least one entry"),
        (
            "datasets",
            {"My data": GOOD["datasets"]["toy"]},
            'datasets."My data": found "My data"; allowed: a name of lower-case letters, digits and hyphens',
        ),
        (
            "datasets__toy__task",
            "clasification",
            f'datasets.toy.task: found "clasification"; allowed: {TASKS}; did you mean classification?',
        ),
        ("datasets__toy__source", {"path": 3}, "datasets.toy.source.path: found 3; allowed: text, or a mapping"),
        (
            "datasets__toy__source",
            {"path": {"train": "a.csv", "tset": "b.csv"}},
            'datasets.toy.source.path.tset: found "tset"; allowed: train, validation, test; did you mean test?',
        ),
        (
            "datasets__toy__source",
            {"path": {"test": "b.csv"}},
            "datasets.toy.source.path.train: missing; allowed: text (validation and test may be left out)",
        ),
        (
            "datasets__toy__source",
            {"hub": "conll2003", "revision": "main"},
            'datasets.toy.source.revision: found "main"; allowed: a commit hash of 40 hexadecimal digits',
        ),
        (
            "datasets__toy__format",
            {"kind": "cvs"},
            'datasets.toy.format.kind: found "cvs"; allowed: csv, lines, jsonl, json, spans, '
            "parquet, excel, folder, conll; did you mean csv?",
        ),
        (
            "datasets__toy__format",
            {"kind": "csv", "delimeter": ";"},
            "datasets.toy.format.delimeter: unknown key; allowed: kind, delimiter, quoting, columns, encoding; "
            "did you mean delimiter?",
        ),
        (
            "datasets__toy__format",
            {"kind": "csv", "delimiter": ";;"},
            'datasets.toy.format.delimiter: found ";;"; allowed: text of one character',
        ),
        (
            "datasets__toy__format",
            {"kind": "conll"},
            "datasets.toy.format.kind: found conll for task classification; allowed: csv, lines, "
            "jsonl, json, parquet, excel, folder",
        ),
        (
            "datasets__toy__format",
            None,
            "datasets.toy.format: missing; allowed: a mapping with kind csv or lines or jsonl or json or "
            "parquet or excel or folder",
        ),
        (
            "datasets__toy__split",
            {"test": 1.5},
            "datasets.toy.split.test: found 1.5; allowed: a whole number of rows, or a share below 1",
        ),
        (
            "datasets__toy__methods",
            ["ful"],
            'datasets.toy.methods.0: found "ful"; allowed: full, lora; did you mean full?',
        ),
        (
            "datasets__toy__training",
            {"epochs": 0},
            "datasets.toy.training.epochs: found 0; allowed: a whole number, at least 1 and at most 1000",
        ),
        (
            "datasets__toy__group_pattern",
            "a",
            "datasets.toy.group: missing; allowed: the column that group_pattern is applied to",
        ),
        (
            "models__mini",
            {"paht": "x"},
            'models.mini: found {"paht": "x"}; allowed: a mapping with package, sha256, folder, …, '
            "or a mapping with path, …, or a mapping with hub, revision, …",
        ),
        (
            "models__mini",
            {"path": "x", "licens": "MIT"},
            "models.mini.licens: unknown key; allowed: path, licence; did you mean licence?",
        ),
        (
            "models__mini",
            {"package": "mini", "sha256": "0" * 64, "folder": "m"},
            'models.mini.package: found "mini"; allowed: a package with its exact version, like name==1.0',
        ),
        ("methods__lora", {}, f"methods.lora.tuning: missing; allowed: {TUNINGS}, or a mapping with name"),
        (
            "methods__lora__tuning",
            "lorra",
            f'methods.lora.tuning: found "lorra"; allowed: {TUNINGS}; did you mean lora?',
        ),
        (
            "methods__lora__tuning",
            {"name": "lorra", "rank": 4},
            f'methods.lora.tuning.name: found "lorra"; allowed: {TUNINGS}; did you mean lora?',
        ),
        (
            "methods__lora__tuning",
            {"rank": 4},
            f'methods.lora.tuning: found {{"rank": 4}}; allowed: one of {TUNINGS}, or a mapping with name and options',
        ),
        (
            "methods__lora__tuning",
            {"name": "lora", "rnk": 4},
            f"methods.lora.tuning.rnk: unknown key; allowed: {LORA}; did you mean rank?",
        ),
        (
            "methods__lora__tuning",
            {"name": "lora", "rank": 0},
            "methods.lora.tuning.rank: found 0; allowed: a whole number, at least 1",
        ),
        (
            "methods__lora__tuning",
            {"name": "lora", "rank": "8"},
            'methods.lora.tuning.rank: found "8"; allowed: a whole number, at least 1',
        ),
        ("methods__lora__augment", "swpa", 'methods.lora.augment: found "swpa"; allowed: swap; did you mean swap?'),
        (
            "methods__lora__adversarial",
            "fmg",
            f'methods.lora.adversarial: found "fmg"; allowed: {ATTACKS}; did you mean fgm?',
        ),
        (
            "methods__lora__training",
            {"early_stopping": {"pateince": 3}},
            "methods.lora.training.early_stopping.pateince: unknown key; allowed: patience, min_delta; "
            "did you mean patience?",
        ),
        (
            "methods__lora__learning_rate",
            [0.1, 0.01],
            "methods.lora.learning_rate: found [0.1, 0.01]; allowed: [low, high] with 0 < low < high",
        ),
        (
            "augmentations__swap__technique",
            "synonim",
            f'augmentations.swap.technique: found "synonim"; allowed: {TECHNIQUES}; did you mean synonym?',
        ),
        (
            "augmentations__swap__copies",
            0,
            "augmentations.swap.copies: found 0; allowed: a whole number, at least 1 and at most 20",
        ),
        (
            "augmentations__none",
            {"technique": "synonym"},
            "augmentations.none: this name means `no augmentation`; allowed: any other",
        ),
        (
            "search__pruner",
            "medain",
            'search.pruner: found "medain"; allowed: median, halving, none; did you mean median?',
        ),
        ("search__trials", "many", 'search.trials: found "many"; allowed: a whole number, at least 1'),
        (
            "search__warmup_ratio",
            [0.5, 0.1],
            "search.warmup_ratio: found [0.5, 0.1]; allowed: [low, high] with 0 <= low <= high < 1",
        ),
        ("training__dropout", 1, "training.dropout: found 1; allowed: a number, at least 0 and below 1, or null"),
        (
            "ensembles__both",
            {"members": ["fulll/*"]},
            'ensembles.both.members.0: found "fulll/*"; allowed: full/*, lora/*, */seed-0, */seed-1; '
            "did you mean full/*?",
        ),
        ("results", "/etc", 'results: found "/etc"; allowed: results, or a folder below it like results/tiny'),
        (
            "report__title",
            "x" * 201,
            f'report.title: found "{"x" * 56}...; allowed: text of at most 200 characters',
        ),
    ],
)
def test_one_mistake_is_one_line(path: str, value: Any, line: str) -> None:
    assert lines(changed(**{path: value})) == [line]


def test_each_mistake_has_its_line() -> None:
    content = changed(
        seeds=[], sedes=3, models__mini={"path": 3}, methods__full={"tuning": "ful"}, search={"trials": 0}
    )
    assert [line.partition(":")[0] for line in lines(content)] == [
        "models.mini.path",
        "methods.full.tuning",
        "search.trials",
        "seeds",
        "sedes",
    ]


def test_all_mistakes_of_one_data_set_are_found_together() -> None:
    content = changed(datasets__toy={"task": "nerr", "source": {"path": "x", "extra": 1}, "format": {"kind": "x"}})
    assert [line.partition(":")[0] for line in lines(content)] == [
        "datasets.toy.task",
        "datasets.toy.source.extra",
        "datasets.toy.format.kind",
    ]


@pytest.mark.parametrize("content", [None, [], "x", 3, True])
def test_something_else_than_a_mapping_is_refused(content: Any) -> None:
    (line,) = lines(content)
    assert line.endswith("allowed: a mapping with datasets, models, methods, seeds, …")


def test_a_key_with_a_line_break_stays_on_one_line() -> None:
    assert lines(changed(**{"two\nlines": 1}))[0].startswith('"two\\nlines": unknown key')


def test_content_that_contains_itself_is_refused() -> None:
    content = changed()
    content["seeds"] = content
    assert lines(content) == ["contains itself or is nested too deeply; allowed: plain lists and mappings"]


# any content at all

_KEYS = st.one_of(
    st.sampled_from([*params.Params.model_fields, *params.Dataset.model_fields, *params.Method.model_fields]),
    st.sampled_from(["name", "kind", "technique", "package", "hub", "path", "members", "train"]),
    st.text(max_size=8),
    st.integers(),
    st.none(),
    st.dates(),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4), st.dates(),
        st.sampled_from(["lora", "full", "classification", "csv", "synonym", "fgm", "results"]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def accept_or_refuse(content: Any) -> None:
    try:
        params.check(content)
    except ParamsError as error:
        assert error.lines
        assert all(len(line.splitlines()) == 1 for line in error.lines)


@settings(deadline=None)
@given(_VALUES)
def test_any_content_is_params_or_a_params_error(content: Any) -> None:
    accept_or_refuse(content)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*params.Params.model_fields]), _VALUES, max_size=4))
def test_any_sections_are_params_or_a_params_error(sections: dict[str, Any]) -> None:
    accept_or_refuse({**GOOD, **sections})


# files


def mistake_in(path: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        params.load(path)
    (line,) = caught.value.lines
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


def test_missing_file(tmp_path: Path) -> None:
    assert mistake_in(tmp_path / "params.yaml") == "file not found; allowed: a params file in YAML"


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert mistake_in(tmp_path) == "cannot be read (Is a directory); allowed: a params file in YAML"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "the file is empty; allowed: a mapping with the keys results, datasets, "),
        (b"# nothing but a comment\n", "the file is empty; allowed: a mapping with the keys results, datasets, "),
        (b"seeds: [0, 1", "not valid YAML (line 1, column 13: expected ',' or ']'"),
        (b"a: 1\nb: 2\na: 3\n", "not valid YAML (line 3, column 1: key a stands twice)"),
        (
            b"methods:\n  full: {tuning: full}\n  full: {tuning: lora}\n",
            "not valid YAML (line 3, column 3: key full stands",
        ),
        (b"a: 2024-13-01\n", "not valid YAML (line 1, column 4: not a value of its type)"),
        (b"a: !!python/object:os.system x\n", "not valid YAML (line 1, column 4: could not determine a constructor"),
        (b"\xff\xfe\xfa", "byte 0 is not UTF-8; allowed"),
        (b"a: \x00\n", "not valid YAML ("),
        (b"[" * 5000, "nested too deeply; allowed"),
        (b"seeds: &s [*s]\n", "contains itself or is nested too deeply; allowed"),
        (b"just text\n", 'found "just text"; allowed: a mapping with datasets, '),
    ],
)
def test_bad_file(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    assert mistake_in(path).startswith(line)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_params_or_a_params_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(ParamsError):
        params.load(path)


def test_a_rate_without_a_point_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(GOOD) + "training: {weight_decay: 1e-2}\n")
    assert params.load(path).training.weight_decay == 0.01
