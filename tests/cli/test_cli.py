"""Each command by itself: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tuneproof import files
from tuneproof.cli import app

Run = Callable[..., tuple[str, str]]
ROOT = Path(__file__).parents[2]
COMMANDS = sorted(
    command.callback.__name__.replace("_", "-") for command in app.registered_commands if command.callback
)
HEAVY = {"altair", "datasets", "dvc", "numpy", "optuna", "pandas", "peft", "pyarrow", "sklearn", "snakemake", "torch",
         "transformers"}  # fmt: skip


def write_experiment(**changes: Any) -> dict[str, Any]:
    """A small experiment on a file of forty rows, in the working folder."""
    rows = [f"this film number {i} is {'good' if i % 2 else 'bad'},{'pos' if i % 2 else 'neg'}" for i in range(40)]
    Path("toy.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    experiment = {
        "datasets": {
            "toy": {
                "task": "classification",
                "source": {"path": "toy.csv"},
                "format": {"kind": "csv"},
                "split": {"validation": 8, "test": 8},
            }
        },
        "models": {"mini": {"path": "models/mini"}},
        "methods": {"full": {"tuning": "full"}, "probe": {"tuning": "probe"}},
        "search": {"trials": 2},
        "seeds": [0, 1],
        **changes,
    }
    Path("models/mini").mkdir(parents=True, exist_ok=True)
    Path("params.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
    return experiment


def settings_files() -> Path:
    from tuneproof import params, settings

    settings.write(params.load("params.yaml"), Path("results"))
    return Path("results/settings")


# help


def test_every_command_is_listed_and_explains_itself_with_an_example(tuneproof: Run) -> None:
    listed, _ = tuneproof("--help", COLUMNS="100")
    for name in COMMANDS:
        assert re.search(rf"^\W*{name}\b", listed, re.MULTILINE), name
        shown, _ = tuneproof(name, "--help", COLUMNS="100")
        words = " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown).split())
        assert f"Example: tuneproof {name}" in words, shown
        assert "--help" in shown


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from tuneproof.cli import run_here\n"
        f"for name in {COMMANDS}: assert run_here([name, '--help']) == 0\n"
        "assert run_here(['--help']) == 0\n"
        f"print('heavy:', sorted({HEAVY} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_checking_params_imports_nothing_heavy(tuneproof: Run) -> None:
    write_experiment()
    program = "import sys; from tuneproof.cli import run_here; assert run_here(['check']) == 0\n"
    program += f"print('heavy:', sorted({HEAVY} & set(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_version(tuneproof: Run) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", tuneproof("--version")[0])


@pytest.mark.parametrize("words", [["--show-completion", "bash"], ["--show-completion", "zsh"]])
def test_a_shell_is_told_how_to_complete(tuneproof: Run, words: list[str]) -> None:
    # typer would look for a shell among the test's parents, and a test may run under none
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_TUNEPROOF_COMPLETE" in tuneproof(*words, **named)[0]


def test_commands_and_options_are_completed(tuneproof: Run) -> None:
    completing = {"_TUNEPROOF_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "tuneproof pr"}
    assert sorted(tuneproof(**completing)[0].split()) == ["predict", "prepare", "prune"]
    completing = {"_TUNEPROOF_COMPLETE": "complete_bash", "COMP_CWORD": "2", "COMP_WORDS": "tuneproof train --se"}
    assert "--seed" in tuneproof(**completing)[0].split()


@pytest.mark.parametrize("words", [["chekc"], ["check", "--nothing"], ["train"], ["train", "--seed", "-1"]])
def test_wrong_words_are_told_without_a_traceback(tuneproof: Run, words: list[str]) -> None:
    out, told = tuneproof(*words, code=2)
    assert "Error" in told
    assert "Traceback" not in out + told


# check, schema, digest, prune


def test_check_says_what_would_run(tuneproof: Run) -> None:
    write_experiment(ensembles={"all": {"members": ["*"]}})
    assert tuneproof("check")[0] == "params.yaml: 2 cells, 4 search trials, 4 runs, 1 ensembles\n"


def test_check_says_what_is_left_out_and_why(tuneproof: Run) -> None:
    methods = {"full": {"tuning": "full"}, "more": {"tuning": "full", "augment": "mention"}}
    write_experiment(methods=methods, augmentations={"mention": {"technique": "mention"}})
    lines = tuneproof("check")[0].splitlines()
    assert lines == [
        "params.yaml: 1 cells, 2 search trials, 2 runs, 0 ensembles",
        "left out: toy/mini/more: augmentation mention is for ner, not for classification",
    ]


def test_check_tells_each_mistake_in_a_line(tuneproof: Run) -> None:
    write_experiment(seeds=[], sedes=[1], search={"trails": 3})
    out, told = tuneproof("check", code=2)
    assert out == ""
    assert [line.split(": ")[:3] for line in told.splitlines()] == [
        ["error", "params.yaml", "search.trails"],
        ["error", "params.yaml", "seeds"],
        ["error", "params.yaml", "sedes"],
    ]


def test_check_names_local_files_that_are_not_there(tuneproof: Run) -> None:
    write_experiment()
    Path("toy.csv").unlink()
    Path("models/mini").rmdir()
    assert tuneproof("check", code=2)[1].splitlines() == [
        "error: params.yaml: datasets.toy.source.path: file not found: toy.csv",
        "error: params.yaml: models.mini.path: folder not found: models/mini",
    ]


def test_a_local_file_may_be_gone_once_its_results_are_there(tuneproof: Run) -> None:
    """As after a clone and `dvc pull`."""
    write_experiment()
    entry = {"path": "toy.csv", "sha256": "0" * 64, "origin": "toy.csv"}
    files.write_json(Path("results/fetch/data/toy.json"), {"kind": "path", "files": {"all": entry}})
    Path("toy.csv").unlink()
    tuneproof("check")
    write_experiment(datasets={"toy": {**write_experiment()["datasets"]["toy"], "source": {"path": "other.csv"}}})
    assert "file not found: other.csv" in tuneproof("check", code=2)[1]


def test_schema_goes_to_the_screen_or_to_a_file(tuneproof: Run) -> None:
    printed, _ = tuneproof("schema")
    tuneproof("schema", "--out", "s.json")
    assert Path("s.json").read_text() == printed
    assert "datasets" in json.loads(printed)["properties"]


def test_digest_is_the_same_for_the_same_content(tuneproof: Run) -> None:
    for folder in ("a", "b"):
        files.write_text(Path(folder, "prepare/toy/card.json"), "{}")
        files.write_text(Path(folder, "train/cost.json"), folder)
        files.write_text(Path(folder, "report/index.html"), folder)
    assert tuneproof("digest", "a") == tuneproof("digest", "b")
    assert tuneproof("digest", "a")[0] == f"{files.sha256(Path('a/prepare/toy/card.json'))}  prepare/toy/card.json\n"


def test_prune_removes_what_the_experiment_lost(tuneproof: Run) -> None:
    write_experiment()
    kept, gone = Path("results/search/toy/mini/full/best.json"), Path("results/search/toy/mini/lora/best.json")
    for path in (kept, gone):
        files.write_text(path, "{}")
    assert (
        tuneproof("prune", "search")[1] == "removed results/search/toy/mini/lora: not part of the experiment any more\n"
    )
    assert kept.exists()
    assert not gone.parent.exists()
    tuneproof("prune", "augment")
    assert Path("results/augment").is_dir()  # DVC's stage has it as its out, job or no job
    assert tuneproof("prune", "serach", code=1)[1].startswith("error: prune: found 'serach'; allowed: fetch, prepare")


# stages


def test_a_local_file_from_fetch_to_tokens(tuneproof: Run, minilm: Path) -> None:
    write_experiment()
    shutil.copytree(minilm, "models/mini", dirs_exist_ok=True)
    settings = settings_files()
    for kind, name in (("data", "toy"), ("models", "mini")):
        place = f"fetch/{kind}/{name}.json"
        tuneproof("fetch", "--settings", str(settings / place), "--out", f"results/{place}")
    assert files.read_json(Path("results/fetch/data/toy.json"))["files"]["all"]["sha256"] == files.sha256(
        Path("toy.csv")
    )
    assert "model.safetensors" in files.read_json(Path("results/fetch/models/mini.json"))["files"]

    prepared = ["--manifest", "results/fetch/data/toy.json", "--out", "results/prepare/toy"]
    tuneproof("prepare", "--settings", str(settings / "prepare/toy.json"), *prepared)
    assert files.read_json(Path("results/prepare/toy/card.json"))["rows"] == {"train": 24, "validation": 8, "test": 8}

    for split in ("train", "validation", "test"):
        path = Path(f"results/prepare/toy/{split}.parquet")
        files.write_frame(path, files.read_frame(path).head(3))
    places = ["--model", "results/fetch/models/mini.json", "--prepared", "results/prepare/toy", "--out", "tokens"]
    _, told = tuneproof("tokenize", "--settings", str(settings / "tokenize/toy/mini.json"), *places)
    assert told.splitlines()[0].startswith("train: 3 rows, ")
    assert {"label", "labels"}.isdisjoint(files.read_frame(Path("tokens/test.parquet")).columns)
    assert len(files.read_frame(Path("tokens/train.parquet"))) == 3


def test_finished_runs_are_shown_in_a_tracker(tuneproof: Run) -> None:
    pytest.importorskip("dvclive")
    assert tuneproof("track", code=1)[1].startswith("error: track: no tracker named; allowed: --with tensorboard, ")
    assert tuneproof("track", "--with", "dvclive", code=1)[1].startswith("error: track: no run below results/")
    folder = Path("results/train/toy/mini/full/seed-0")
    run = {"dataset": "toy", "model": "mini", "method": "full", "seed": 0, "validation": {"accuracy": 0.5}}
    files.write_json(folder / "run.json", run)
    files.write_text(folder / "history.csv", "epoch,step,train_loss\n1,4,0.7\n")
    assert tuneproof("track", "--with", "dvclive")[0] == "1 runs written to tracking/dvclive\n"
    assert files.read_json(Path("tracking/dvclive/results/toy/mini/full/seed-0/metrics.json"))["train_loss"] == 0.7


def test_predictions_are_named(tuneproof: Run) -> None:
    files.write_json(Path("s.json"), {})
    words = ["--settings", "s.json", "--prepared", "p", "--predictions", "file.parquet", "--out", "o"]
    assert (
        tuneproof("evaluate", *words, code=1)[1] == "error: --predictions: found 'file.parquet'; allowed: NAME=FILE\n"
    )


# mistakes


def test_a_mistake_is_one_line_and_debug_shows_where(tuneproof: Run) -> None:
    words = ["fetch", "--settings", "nothing.json", "--out", "x.json"]
    assert tuneproof(*words, code=1) == ("", "error: nothing.json: file not found\n")
    _, told = tuneproof("--debug", *words, code=1)
    assert told.startswith("Traceback (most recent call last):")
    assert told.endswith("error: nothing.json: file not found\n")


def test_data_does_not_steer_the_terminal(tuneproof: Run) -> None:
    """A column's name that would clear the screen and set the window's title."""
    experiment = write_experiment()
    Path("toy.csv").write_text("text,\x1b[2J\x1b]0;owned\x07\na,b\n")
    entry = {"path": "toy.csv", "sha256": files.sha256(Path("toy.csv")), "origin": "toy.csv"}
    files.write_json(Path("m.json"), {"kind": "path", "files": {"all": entry}})
    files.write_json(Path("s.json"), {"name": "toy", "dataset": experiment["datasets"]["toy"]})
    _, told = tuneproof("prepare", "--settings", "s.json", "--manifest", "m.json", "--out", "out", code=1)
    assert told == "error: toy.csv: column 'label' not found; columns found: text, \\x1b[2J\\x1b]0;owned\\x07\n"
