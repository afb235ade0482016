"""Code of a run, settings and searches, against what is at hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tuneproof import provenance
from tuneproof.files import write_csv, write_json, write_text
from tuneproof.trace.experiment import Experiment, Run
from tuneproof.verify import sources

RUN = Run("tweets", "mini", "lora", 0)
CELL = {
    "dataset": "tweets",
    "model": "mini",
    "method": "lora",
    "task": "ner",
    "tuning": {"name": "lora"},
    "augmentation": "none",
    "adversarial": None,
    "training": {},
    "learning_rates": [0.001, 0.1, 0.01],
    "search": {},
}


def write_settings(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """One run, in a working folder without params."""
    monkeypatch.chdir(tmp_path)
    results = Path("results")
    write_settings(
        results / "settings/report.json",
        {"datasets": {"tweets": {"task": "ner"}}, "cells": [list(RUN[:3])], "seeds": [0], "ensembles": []},
    )
    write_settings(results / "settings/cell/tweets/mini/lora.json", CELL)
    return Experiment(results)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project/src/tuneproof"
    folder.mkdir(parents=True)
    (folder / "loop.py").write_text("steps = 1\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *words], cwd=folder.parent.parent, check=True)
    return folder


def record(experiment: Experiment, package: Path) -> None:
    """What a run now would record about its code."""
    code = [package / "loop.py"]
    write_json(experiment.of(RUN) / "run.json", {"code": provenance.code_hashes(code)})
    write_json(experiment.of(RUN) / "provenance.json", {"git": provenance.git(code)})


def test_code_that_lies_here_is_the_same(experiment, package):
    record(experiment, package)
    assert sources.code(experiment, RUN).outcome == "same"


def test_code_changed_since_is_found_in_its_commit(experiment, package):
    record(experiment, package)
    (package / "loop.py").write_text("steps = 2\n")
    item = sources.code(experiment, RUN)
    assert item.outcome == "same"
    assert "as in " in item.detail
    assert "1 changed since" in item.detail


def test_uncommitted_code_is_found_in_the_saved_diff(experiment, package):
    (package / "loop.py").write_text("steps = 2\n")
    record(experiment, package)
    (package / "loop.py").write_text("steps = 3\n")
    assert sources.code(experiment, RUN).outcome == "same"


def test_code_that_nothing_gives_back_differs(experiment, package):
    record(experiment, package)
    recorded = json.loads((experiment.of(RUN) / "run.json").read_text())
    recorded["code"]["tuneproof/loop.py"] = "0" * 64
    write_json(experiment.of(RUN) / "run.json", recorded)
    item = sources.code(experiment, RUN)
    assert (item.outcome, item.detail[:17]) == ("differs", "tuneproof/loop.py")


def test_a_run_without_recorded_code_says_so(experiment):
    write_json(experiment.of(RUN) / "run.json", {})
    assert sources.code(experiment, RUN).outcome == "missing"


def test_settings_without_params_are_checked_for_their_own_form(experiment, tmp_path):
    items = list(sources.settings(experiment, tmp_path / "scratch", None))
    assert [item.outcome for item in items] == ["same", "same"]
    path = experiment.settings("report.json")
    path.write_text(path.read_text().replace("  ", " ", 1))
    items = list(sources.settings(experiment, tmp_path / "scratch", None))
    assert sorted(item.outcome for item in items) == ["differs", "same"]


BEST = {
    "learning_rate": 0.02,
    "warmup_ratio": 0.1,
    "score": "entity_f1",
    "value": 0.5,
    "trial": 1,
    "trials": 3,
    "range": [0.001, 0.1],
    "edge": None,
}


@pytest.mark.parametrize(
    ("change", "outcome", "detail"),
    [
        ({}, "same", ""),
        ({"trial": 0, "learning_rate": 0.01, "value": 0.4}, "differs", "learning_rate: 0.01; from the trials 0.02"),
        ({"trials": 4}, "differs", "trials: 4; from the trials 3"),
        ({"range": [0.001, 1.0]}, "differs", "range: [0.001, 1.0]; from the trials [0.001, 0.1]"),
    ],
)
def test_the_best_trial_is_the_best(experiment, change, outcome, detail):
    folder = experiment.search(RUN)
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2],
            "state": ["complete", "complete", "pruned"],
            "learning_rate": [0.01, 0.02, 0.03],
            "warmup_ratio": 0.1,
            "epochs": 1,
            "value": [0.4, 0.5, 0.6],
        }
    )
    write_csv(folder / "trials.csv", trials)
    write_json(folder / "best.json", {**BEST, **change})
    item = sources.search(experiment, RUN)
    assert (item.outcome, item.detail) == (outcome, detail)


def test_a_broken_table_of_trials_is_a_difference(experiment):
    write_text(experiment.search(RUN) / "trials.csv", "nothing\n")
    write_json(experiment.search(RUN) / "best.json", BEST)
    assert "not a table of trials" in sources.search(experiment, RUN).detail
