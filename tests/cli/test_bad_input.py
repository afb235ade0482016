"""Bad input as a new user meets it: one clear line at the end of what is shown, and no traceback anywhere in it."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = "text,label\n" + "".join(
    f"this film number {i} is {'good' if i % 2 else 'bad'},{'pos' if i % 2 else 'neg'}\n" for i in range(60)
)
TOY = {
    "datasets": {
        "toy": {
            "task": "classification",
            "source": {"path": "toy.csv"},
            "format": {"kind": "csv"},
            "split": {"validation": 10, "test": 10},
            "max_length": 16,
        }
    },
    "models": {"mini": {"path": "mini"}},
    "methods": {"probe": {"tuning": "probe"}},
    "search": {"trials": 1},
    "training": {"epochs": 1},
    "seeds": [0],
    "evaluation": {"bootstrap": 100},
}


@pytest.fixture(scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory, minilm: Path, new_project: Callable[[Path], Any]) -> Any:
    """A copy of the project with a small file and a tiny model of its own; the tests of this module share it."""
    import torch
    from transformers import FNetConfig, FNetModel

    project = new_project(tmp_path_factory.mktemp("bad-input"))
    shutil.copytree(minilm, project.folder / "mini")
    torch.manual_seed(0)
    config = FNetConfig(vocab_size=30522, hidden_size=8, num_hidden_layers=1, intermediate_size=8)
    FNetModel(config).save_pretrained(project.folder / "fnet")  # it mixes words by Fourier transforms, not attention
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(minilm / name, project.folder / "fnet" / name)
    return project


@pytest.fixture
def project(_project: Any) -> Any:
    (_project.folder / "toy.csv").write_text(ROWS)
    for name in ("results", "logs"):
        shutil.rmtree(_project.folder / name, ignore_errors=True)
    return _project


def changed(**changes: Any) -> dict[str, Any]:
    """The toy experiment with values put at paths written `methods__lora__tuning`."""
    content: dict[str, Any] = copy.deepcopy(TOY)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = content
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = value
    return content


def told(project: Any, experiment: dict[str, Any], *words: str, code: int) -> list[str]:
    """The lines with which `snakemake` says what is wrong."""
    project.write(experiment)
    output = project.snakemake(*words, code=code)
    assert "Traceback" not in output
    return [line for line in output.splitlines() if line.startswith(("error: ", "failed: "))]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"methods__probe__tunning": "lora"}, "methods.probe.tunning: unknown key; allowed: tuning, "),
        ({"search__trials": "six"}, 'search.trials: found "six"; allowed: a whole number, at least 1'),
        ({"seeds": []}, "seeds: found []; allowed: a list of at least 1, each a whole number"),
        ({"datasets__toy__source__path": "toys.csv"}, "datasets.toy.source.path: file not found: toys.csv"),
        ({"models__mini__path": "nimi"}, "models.mini.path: folder not found: nimi"),
        ({"datasets__toy__source__path": "../toy.csv"}, 'datasets.toy.source.path: found "../toy.csv", outside the'),
    ],
)
def test_wrong_params_end_before_anything_runs(project: Any, changes: dict[str, Any], line: str) -> None:
    experiment = changed(**changes)
    (found,) = told(project, experiment, code=2)
    assert found.startswith(f"error: params.yaml: {line}")
    output = project.run("tuneproof", "check", code=2)
    assert output.splitlines() == [found]


def test_a_broken_yaml_file_names_the_line(project: Any) -> None:
    (project.folder / "params.yaml").write_text("datasets: {toy: [\nmethods: x")
    output = project.snakemake(code=2)
    assert "error: params.yaml: not valid YAML (line 2, column 11: expected ',' or ']'" in output
    (project.folder / "params.yaml").unlink()
    assert "error: params.yaml: file not found; allowed: a params file in YAML" in project.snakemake(code=2)


def test_another_experiment_s_file_is_named(project: Any) -> None:
    project.write(TOY)
    (project.folder / "experiments/other.yaml").write_text(json.dumps({**TOY, "seeds": [-1]}))
    output = project.snakemake("--configfile", "experiments/other.yaml", code=2)
    assert "error: experiments/other.yaml: seeds.0: found -1; allowed: a whole number, at least 0" in output
    assert "Traceback" not in output


FILES = [
    ("", "toy.csv: no rows; the file is empty"),
    ("text,label\n", "toy.csv: no rows"),
    ("text,lable\n" + ROWS.partition("\n")[2], "toy.csv: column 'label' not found; columns found: text, lable"),
    (ROWS.replace(",neg", ",pos"), "one class in train, 'pos'; allowed: two or more"),
    (
        "text,label\na,neg\nb,pos\n",
        "datasets.toy: split asks for 10 rows for validation and 10 rows for test, but there are 2",
    ),
    (
        "text,label\n" + "é".encode().decode("latin-1") * 12 + "\xff,neg\n",
        "toy.csv:2: byte 0xff is not utf-8, but 12 other characters are; mend the file, or set `encoding` to its own",
    ),
]


@pytest.mark.parametrize(("content", "line"), FILES, ids=["empty", "header", "column", "one class", "few", "encoding"])
def test_a_file_that_does_not_fit_ends_the_run_with_its_line(project: Any, content: str, line: str) -> None:
    (project.folder / "toy.csv").write_text(content, encoding="latin-1")
    (shown, last) = told(project, TOY, "prepare_all", code=1)
    assert line in shown
    assert last == f"failed: prepare/toy: {shown.removeprefix('error: ')}"


def test_an_unknown_label_in_test_names_its_row(project: Any) -> None:
    (project.folder / "test.csv").write_text("text,label\nsomething new,pos\nsomething newer,other\n")
    experiment = changed(datasets__toy__source__path={"train": "toy.csv", "test": "test.csv"})
    lines = told(project, experiment, "prepare_all", code=1)
    assert lines[-1] == "failed: prepare/toy: test.csv:3: label 'other' of test does not occur in train"


def test_no_entity_in_train_is_told(project: Any) -> None:
    sentences = "".join(f"word{i}\tO\nmore\tO\n\n" for i in range(60))
    (project.folder / "toy.conll").write_text(sentences)
    experiment = changed(
        datasets__toy__task="ner", datasets__toy__source__path="toy.conll", datasets__toy__format={"kind": "conll"}
    )
    lines = told(project, experiment, "prepare_all", code=1)
    assert lines[-1] == "failed: prepare/toy: datasets.toy: no entity in train (40 sentences); check format.tag"


def test_a_tuning_that_does_not_fit_the_model_is_left_out_and_the_others_go_on(project: Any) -> None:
    methods = {"probe": {"tuning": "probe"}, "lora": {"tuning": "lora"}, "prefix": {"tuning": "prefix"}}
    lines = told(project, changed(models={"fnet": {"path": "fnet"}}, methods=methods), "train_all", code=0)
    assert not [line for line in lines if line.startswith("failed")]
    runs = {name: project.folder / f"results/train/toy/fnet/{name}/seed-0/run.json" for name in methods}
    reasons = {name: json.loads(path.read_text()).get("left_out") for name, path in runs.items()}
    assert reasons == {
        "probe": None,
        "lora": "no attention layers found by name in FNetForSequenceClassification (fnet)",
        "prefix": "FNetForSequenceClassification (fnet) takes no past keys and values",
    }


def test_a_pickled_model_is_refused(project: Any) -> None:
    (project.folder / "pickled").mkdir(exist_ok=True)
    shutil.copyfile(project.folder / "mini/config.json", project.folder / "pickled/config.json")
    (project.folder / "pickled/pytorch_model.bin").write_bytes(b"\x80\x04.")
    lines = told(project, changed(models__mini__path="pickled"), "fetch_all", code=1)
    assert lines[-1] == (
        "failed: fetch/models/mini: pickled: model.safetensors not found; weights in .bin or .pt are pickles, "
        "which can run code, and are not taken"
    )


def test_the_other_door_tells_the_same(project: Any) -> None:
    (project.folder / "toy.csv").write_text("")
    project.write(TOY)
    output = project.run("dvc", "repro", code=255)
    assert "failed: prepare/toy: toy.csv: no rows; the file is empty" in output
    assert "Traceback" not in output
    project.write({**TOY, "seeds": []})
    output = project.run("dvc", "repro", code=255)
    assert "error: params.yaml: seeds: found []" in output
    assert "Traceback" not in output


def test_a_tracker_that_is_not_there_is_told_before_anything_runs(project: Any) -> None:
    project.write(TOY)
    output = project.run("env", "TUNEPROOF_TRACK=tensorbord", "snakemake", "--cores", "2", code=1)
    assert 'error: TUNEPROOF_TRACK: found "tensorbord"; allowed: tensorboard, ' in output
    assert not (project.folder / "results/fetch").exists()
