"""A method that cannot run on a model is an outcome: every stage passes it on, and the page says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

from tuneproof import files, search, tokenize, trackers, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.code import of_cell
from tuneproof.ensemble import run as ensemble
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.evaluate import run as evaluate
from tuneproof.evaluate.predictions import answering
from tuneproof.provenance import is_sealed
from tuneproof.report import run as report
from tuneproof.report import tables
from tuneproof.trace.experiment import Experiment
from tuneproof.trace.reference import find
from tuneproof.train import run as train
from tuneproof.verify import sources
from tuneproof.verify.again import Again

REASON = "500 virtual tokens leave 12 positions for text; needed: 16"
METHODS: dict[str, dict[str, Any]] = {"probe": {"name": "probe"}, "long-prefix": {"name": "prefix", "tokens": 500}}
ENSEMBLES = {"all": ["*"], "prefixes": ["long-prefix/*"]}
EVALUATION = {"bootstrap": 100, "confidence": 0.95, "seed": 0}


@pytest.fixture(scope="module")
def results(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods through all stages from search on; the prefix of 500 tokens leaves no room for text in MiniLM."""
    root = tmp_path_factory.mktemp("left-out") / "results"
    prepared, tokens = root / "prepare/toy", root / "tokenize/toy/none/mini"
    for split, rows in (("train", 16), ("validation", 8), ("test", 8)):
        texts = [("a great film" if row % 2 else "what a bore") + "!" * row for row in range(rows)]
        labels = ["yes" if row % 2 else "no" for row in range(rows)]
        frame = pd.DataFrame({"id": [f"{split}-{row}" for row in range(rows)], "text": texts, "label": labels})
        files.write_frame(prepared / f"{split}.parquet", frame)
    card = {"labels": ["no", "yes"], "rows": {"train": 16, "validation": 8, "test": 8}, "removed": [], "rows_read": 32}
    files.write_json(prepared / "card.json", card | {"licence": "none", "citation": "", "label_counts": {}})
    tokenize.run(
        task_name="classification",
        max_length=32,
        model=minilm,
        card=prepared / "card.json",
        splits={split: prepared / f"{split}.parquet" for split in ("train", "validation", "test")},
        out=tokens,
    )
    files.write_json(root / "fetch/models/mini.json", {"folder": str(minilm)})
    predictions = {}
    for method, tuning in METHODS.items():
        cell = cell_of(method, tuning)
        files.write_json(root / f"settings/cell/toy/mini/{method}.json", cell.model_dump(mode="json"))
        predictions |= run_cell(root, cell, minilm)
    for name, members in ENSEMBLES.items():
        declared = {"task": "classification", "name": name, "members": members, "combine": {"name": "mean"}}
        files.write_json(root / f"settings/ensemble/toy/mini/{name}.json", declared)
        ensemble.run(declared, prepared, predictions, root / "ensemble/toy/mini" / name)
    ensembles = {f"ensemble:{name}": root / f"ensemble/toy/mini/{name}/predictions.parquet" for name in ENSEMBLES}
    judged = {"task": "classification", "dataset": "toy", "model": "mini", "evaluation": EVALUATION}
    evaluate.run(judged, prepared, {**predictions, **ensembles}, root / "evaluate/toy/mini")
    about = {
        "title": "t",
        "datasets": {"toy": {"task": "classification", "primary": "accuracy"}},
        "models": ["mini"],
        "methods": {
            name: {"tuning": tuning["name"], "idea": "Idea.", "paper": "Paper."} for name, tuning in METHODS.items()
        },
        "cells": [["toy", "mini", method] for method in METHODS],
        "seeds": [0, 1],
        "ensembles": [["toy", "mini", name] for name in ENSEMBLES],
        "left_out": [],
        "search": {"trials": 1},
        "evaluation": EVALUATION,
    }
    files.write_json(root / "settings/report.json", about)
    report.run(about, root, root / "report")
    return root


def cell_of(method: str, tuning: dict[str, Any]) -> Cell:
    return Cell(
        dataset="toy",
        model="mini",
        method=method,
        task="classification",
        tuning=tuning,
        augmentation="none",
        adversarial=None,
        training=Training(epochs=1, precision="fp32", device="cpu"),
        learning_rates=tuple(tunings.get(tuning["name"]).learning_rates),
        search=Search(trials=1),
    )


def run_cell(root: Path, cell: Cell, minilm: Path) -> dict[str, Path]:
    """Search and two seeds; returns run → predictions."""
    prepared, tokens = root / "prepare/toy", root / "tokenize/toy/none/mini"
    data = train.load_data(cell, prepared=prepared, train=tokens / "train.parquet", tokens=tokens)
    out, scratch = root / "search/toy/mini" / cell.method, root.parent / "scratch"
    search.run(cell, data, model_folder=minilm, fingerprint="f" * 64, scratch=scratch, out=out)
    found = {}
    for seed in (0, 1):
        folder = root / f"train/toy/mini/{cell.method}/seed-{seed}"
        inputs = {
            "settings": root / f"settings/cell/toy/mini/{cell.method}.json",
            "best": out / "best.json",
            "trials": out / "trials.csv",
            "card": prepared / "card.json",
            "gold": prepared / "validation.parquet",
            "train_tokens": tokens / "train.parquet",
            "validation_tokens": tokens / "validation.parquet",
            "test_tokens": tokens / "test.parquet",
            "model": root / "fetch/models/mini.json",
        }
        train.run(
            cell,
            data,
            seed=seed,
            best=out / "best.json",
            test_tokens=tokens / "test.parquet",
            model_folder=minilm,
            inputs=train.hashes(inputs),
            code=of_cell(cell),
            command=["tuneproof", "train"],
            scratch=scratch,
            save_every=60.0,
            out=folder,
        )
        found[f"{cell.method}/seed-{seed}"] = folder / "predictions.parquet"
    assert not list(scratch.iterdir())
    return found


def test_search_says_why_and_tries_nothing(results: Path) -> None:
    folder = results / "search/toy/mini/long-prefix"
    assert files.read_json(folder / "best.json") == {"left_out": REASON}
    assert (folder / "trials.csv").read_text() == "trial,state,learning_rate,warmup_ratio,epochs,value\n"


@pytest.mark.parametrize("method", METHODS)
def test_a_run_writes_all_its_files_and_describes_itself(results: Path, method: str) -> None:
    folder = results / f"train/toy/mini/{method}/seed-1"
    about = files.read_json(folder / "run.json")
    jsonschema.Draft202012Validator(files.read_json(train.SCHEMA)).validate(about)
    assert about.get("left_out") == (REASON if method == "long-prefix" else None)
    made = files.read_json(folder / "provenance.json")
    assert is_sealed(made)
    assert made["files"] == train.hashes({name: folder / name for name in train.WRITTEN})


def test_the_schema_tells_the_two_forms_apart(results: Path) -> None:
    fitted, left_out = (files.read_json(results / f"train/toy/mini/{name}/seed-0/run.json") for name in METHODS)
    validator = jsonschema.Draft202012Validator(files.read_json(train.SCHEMA))
    for wrong in (
        fitted | {"left_out": "?"},
        left_out | {"steps": 3},
        fitted | {"predictions": left_out["predictions"]},
    ):
        assert not validator.is_valid(wrong)
    assert not validator.is_valid({key: value for key, value in left_out.items() if key != "left_out"})


def test_such_a_run_answers_and_keeps_nothing(results: Path) -> None:
    folder = results / "train/toy/mini/long-prefix/seed-0"
    frame = files.read_frame(folder / "predictions.parquet")
    assert list(frame.columns) == list(files.read_frame(results / "train/toy/mini/probe/seed-0/predictions.parquet"))
    assert len(frame) == 0
    assert files.read_json(folder / "manifest.json") == files.read_json(folder / "cost.json") == {}
    history = [pd.read_csv(results / f"train/toy/mini/{name}/seed-0/history.csv") for name in METHODS]
    assert list(history[0].columns) == list(history[1].columns)
    assert [len(table) for table in history] == [1, 0]


def test_the_checkpoint_of_an_earlier_run_goes(minilm: Path, results: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "learned.safetensors").write_bytes(b"old")
    train._left_out(cell_of("long-prefix", METHODS["long-prefix"]), REASON, tmp_path)
    assert not (tmp_path / "checkpoint").exists()


def test_ensembles_pass_it_over_and_name_it(results: Path) -> None:
    found = files.read_json(results / "ensemble/toy/mini/all/members.json")
    assert [member["run"] for member in found["members"]] == ["probe/seed-0", "probe/seed-1"]
    assert found["unanswered"] == ["long-prefix/seed-0", "long-prefix/seed-1"]
    empty = files.read_json(results / "ensemble/toy/mini/prefixes/members.json")
    assert empty["left_out"] == "each of its members was left out"
    assert len(files.read_frame(results / "ensemble/toy/mini/prefixes/predictions.parquet")) == 0


def test_scores_hold_what_answered_and_the_log_names_the_rest(results: Path, caplog: pytest.LogCaptureFixture) -> None:
    scores = pd.read_csv(results / "evaluate/toy/mini/scores.csv")
    assert set(scores["method"]) == {"probe", "all"}
    with caplog.at_level("INFO", logger="tuneproof"):
        answering({"x/seed-0": results / "train/toy/mini/long-prefix/seed-0/predictions.parquet"})
    assert caplog.messages == ["left out: x/seed-0 has no predictions"]


def test_the_page_lists_it_among_those_left_out(results: Path) -> None:
    page = (results / "report/index.html").read_text()
    shown = page[page.index(">Left out</span>") :]
    assert f"<strong>long-prefix</strong>: {REASON}" in " ".join(shown.split())
    assert "<strong>prefixes</strong>: each of its members was left out" in " ".join(shown.split())
    assert "did not finish" not in page
    assert set(pd.read_csv(results / "report/leaderboard.csv")["method"]) == {"probe", "all"}


def test_a_pair_of_which_nothing_runs_is_a_page_without_scores(results: Path, tmp_path: Path) -> None:
    predictions = {"x/seed-0": results / "train/toy/mini/long-prefix/seed-0/predictions.parquet"}
    judged = {"task": "classification", "dataset": "toy", "model": "mini", "evaluation": EVALUATION}
    evaluate.run(judged, results / "prepare/toy", predictions, tmp_path)
    assert files.read_json(tmp_path / "metrics.json") == {}
    assert pd.read_csv(tmp_path / "scores.csv").empty


def test_verify_finds_the_same_reason_again(results: Path) -> None:
    experiment = Experiment(results)
    experiment_again = Again(experiment, results)  # rows tokenized by this process already
    of = {run.name: run for run in experiment.runs}
    run = of["long-prefix/seed-0"]
    assert str(sources.search(experiment, run)).startswith("same")
    items = [*sources.records(experiment, run), *experiment_again.predict(run)]
    wrong = [str(item) for item in items if item.outcome != "same"]
    assert wrong == []
    assert f"{REASON}" in str(items[-1])


def test_verify_does_not_believe_a_reason_that_does_not_hold(results: Path, tmp_path: Path) -> None:
    experiment = Experiment(results)
    run = next(run for run in experiment.runs if run.method == "probe")
    item = Again(experiment, results)._left_out(run, "no wish to")
    assert item.outcome == "differs"
    assert item.detail == "stored: no wish to; again: it can run"


def test_trace_says_why_there_is_no_number(results: Path) -> None:
    with pytest.raises(TuneproofError, match=rf"long-prefix was left out on toy \(mini\): {REASON}"):
        find(f"{results}/report/leaderboard.csv:toy/long-prefix/accuracy")
    with pytest.raises(TuneproofError, match="found no number"):
        find(f"{results}/report/leaderboard.csv:toy/probe/f1")


def test_trackers_have_nothing_to_show(results: Path, tmp_path: Path) -> None:
    trackers.track(results / "train/toy/mini/long-prefix/seed-0", ["tensorboard"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_row_too_long_for_the_method_is_a_reason_as_well(
    minilm: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search found settings, but the test rows turn out not to fit: seen at prediction only."""
    from tuneproof.train import predict

    def too_long(*args: Any, **options: Any) -> None:
        raise MethodError("a text of 40 sub-tokens and 490 virtual tokens do not fit")

    root = tmp_path / "results"
    root.mkdir()
    for name in ("prepare", "tokenize", "fetch", "settings"):
        (root / name).symlink_to(results / name)
    monkeypatch.setattr(predict, "predict", too_long)  # the loop, which has its own name for it, goes on validating
    run_cell(root, cell_of("probe", METHODS["probe"]), minilm)
    assert "learning_rate" in files.read_json(root / "search/toy/mini/probe/best.json")
    about = files.read_json(root / "train/toy/mini/probe/seed-0/run.json")
    assert about["left_out"] == "a text of 40 sub-tokens and 490 virtual tokens do not fit"
    assert not (root / "train/toy/mini/probe/seed-0/checkpoint").exists()
    settings = files.read_json(results / "settings/report.json")
    page = {**settings, "ensembles": [], "cells": [["toy", "mini", "probe"]]}
    assert tables.panels(page, tables.Results(root))[0].left_out == [
        {"dataset": "toy", "model": "mini", "method": "probe", "reason": about["left_out"]}
    ]
