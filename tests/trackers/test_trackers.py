"""Trackers get what a run wrote, whole, and never cost a fit."""

from __future__ import annotations

import importlib.util
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from tuneproof import code, files, trackers
from tuneproof.errors import DataError, TuneproofError

RUN = {
    "dataset": "movie", "model": "minilm", "method": "lora", "seed": 1, "learning_rate": 0.003, "warmup_ratio": 0.1,
    "precision": "fp32", "device": "cpu", "validation": {"accuracy": 0.75, "f1_macro": None},
}  # fmt: skip
HISTORY = """epoch,step,learning_rate,train_loss,validation_loss,validation_accuracy
1,4,0.003,0.7,0.6,0.5
2,8,0,0.5,0.4,0.75
"""
PLACE = "tiny/movie/minilm/lora/seed-1"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/experiments/tiny/train/movie/minilm/lora/seed-1")
    files.write_json(folder / "run.json", RUN)
    files.write_text(folder / "history.csv", HISTORY)
    return folder


def need(name: str) -> None:
    if importlib.util.find_spec(trackers.TRACKERS[name].library) is None:
        pytest.skip(f"{name} is not installed: {trackers.TRACKERS[name].install}")


def test_none_is_on_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(trackers.VARIABLE, raising=False)
    assert trackers.chosen() == []


def test_an_unknown_tracker_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trackers.VARIABLE, "tensorbord")
    with pytest.raises(TuneproofError) as caught:
        trackers.chosen()
    assert str(caught.value) == (
        'TUNEPROOF_TRACK: found "tensorbord"; allowed: tensorboard, dvclive, mlflow, wandb; did you mean tensorboard?'
    )


@pytest.mark.parametrize("name", [*trackers.TRACKERS])
def test_a_missing_library_says_what_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(TuneproofError) as caught:
        trackers.chosen(name)
    assert str(caught.value) == f"TUNEPROOF_TRACK: {name} is not installed; run: {trackers.TRACKERS[name].install}"


def test_tensorboard_shows_every_number(run: Path) -> None:
    need("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # a second writing takes the place of the first
        trackers.track(run, ["tensorboard"])
    (event_file,) = Path("tracking/tensorboard", PLACE).iterdir()
    events = EventAccumulator(str(event_file)).Reload()
    assert [(event.step, round(event.value, 6)) for event in events.Scalars("validation_accuracy")] == [
        (4, 0.5),
        (8, 0.75),
    ]
    assert [event.step for event in events.Scalars("train_loss")] == [4, 8]
    assert [(event.step, event.value) for event in events.Scalars("final/accuracy")] == [(8, 0.75)]
    assert "learning_rate: 0.003" in events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()


def test_dvclive_shows_every_number(run: Path) -> None:
    need("dvclive")
    for _ in range(2):
        trackers.track(run, ["dvclive"])
    folder = Path("tracking/dvclive", PLACE)
    lines = (folder / "plots/metrics/validation_accuracy.tsv").read_text().split()
    assert lines == ["step", "validation_accuracy", "4", "0.5", "8", "0.75"]
    summary = json.loads((folder / "metrics.json").read_text())
    assert summary["final"] == {"accuracy": 0.75}
    assert "learning_rate: 0.003" in (folder / "params.yaml").read_text()
    assert not Path("dvc.yaml").exists()


def test_mlflow_shows_every_number(run: Path) -> None:
    need("mlflow")
    from mlflow import MlflowClient

    for _ in range(2):
        trackers.track(run, ["mlflow"])
    client = MlflowClient(f"sqlite:///{Path('tracking/mlflow/mlflow.db').resolve()}")
    (found,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert found.data.params["method"] == "lora"
    history = client.get_metric_history(found.info.run_id, "validation_accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(4, 0.5), (8, 0.75)]
    assert found.data.metrics["final/accuracy"] == 0.75


def test_wandb_writes_offline(run: Path) -> None:
    need("wandb")
    trackers.track(run, ["wandb"])
    (found,) = Path("tracking/wandb", PLACE).rglob("*.wandb")
    end = time.monotonic() + 30  # its service writes in the background
    while b"validation_accuracy" not in found.read_bytes():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_tracker_that_fails_costs_no_fit(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no space\nleft")

    monkeypatch.setitem(trackers.TRACKERS, "dvclive", trackers.TRACKERS["dvclive"]._replace(write=fail))
    with caplog.at_level(logging.WARNING):
        trackers.track_or_warn(run, ["dvclive"])
    assert caplog.messages == [f"dvclive could not record {run} (no space left); later: tuneproof track --with dvclive"]


def test_a_run_that_is_not_there_is_named(run: Path) -> None:
    (run / "history.csv").unlink()
    with pytest.raises(DataError, match=r"history\.csv: file not found"):
        trackers.track(run, [])


def test_trackers_are_no_part_of_any_stage() -> None:
    """A tracker, its choice or a change of it can make no fit run again."""
    for stage in code.STAGES:
        assert not [path for path in code.of_all(stage) if "trackers" in path]
