"""What a run says of its time, from stored speeds, and what it learns from its jobs' costs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tuneproof import files, params, settings
from tuneproof.cell import Cell
from tuneproof.preflight import learned, outcome, stored
from tuneproof.preflight.estimate import Sizes, Speed
from tuneproof.preflight.stored import Store
from tuneproof.preflight.watch import Watch, expect, job_of, jobs_of

ROOT = Path(__file__).parents[2]
SIZE = Sizes(rows=2, train=1000, validation=200, test=300, test_rows=3)
FULL = Speed(train=0.01, predict=0.001, start=2.2, memory_mb=900.0, checkpoint_bytes=10)
PROBE = Speed(train=0.0001, predict=0.001, start=1.0, memory_mb=700.0, checkpoint_bytes=1)


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> params.Params:
    """Two methods on one data set, two seeds, three epochs, no pruning; results below a folder of their own."""
    whole = params.load(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    dataset = whole.datasets["movie-sentiment"].model_copy(update={"methods": ("full", "probe")})
    training = whole.training.model_copy(update={"epochs": 3})
    search = whole.search.model_copy(update={"trials": 2, "pruner": "none"})
    changes: dict[str, Any] = {"datasets": {"movie-sentiment": dataset}, "seeds": (0, 1), "ensembles": {}}
    methods = {name: whole.methods[name] for name in ("full", "probe")}
    return whole.model_copy(update={**changes, "methods": methods, "training": training, "search": search})


def cells_of(some: params.Params) -> list[Cell]:
    return [cell for cell in settings.plan(some).cells if cell.method in ("full", "probe")]


def written(results: Path, cells: list[Cell], speeds: dict[str, Speed]) -> None:
    """Results whose costs are those of cells that are exactly as fast as `speeds` says."""
    for split, tokens in (("train", [400, 600]), ("validation", [200]), ("test", [100, 100, 100])):
        frame = pd.DataFrame({"id": [str(i) for i in range(len(tokens))], "input_ids": [[1] * n for n in tokens]})
        files.write_frame(results / "tokenize/movie-sentiment/none/minilm" / f"{split}.parquet", frame)
    for cell in cells:
        speed = speeds[cell.method]
        frozen = cell.method == "probe"
        once = 1000 * speed.predict if frozen else 0.0
        for seed in (0, 1):
            folder = results / f"train/movie-sentiment/minilm/{cell.method}/seed-{seed}"
            cost = {"train_seconds": once + 3 * 1000 * speed.train, "predict_seconds": 500 * speed.predict}
            more = {"peak_memory_mb": speed.memory_mb, "checkpoint_bytes": speed.checkpoint_bytes}
            files.write_json(folder / "cost.json", {**cost, **more})
            files.write_json(folder / "run.json", {"epochs_run": 3})
        epoch = 1000 * speed.train + (0.0 if frozen else 200 * speed.predict)
        seconds = (1200 * speed.predict if frozen else 0.0) + 2 * speed.start + 5 * epoch
        folder = results / f"search/movie-sentiment/minilm/{cell.method}"
        files.write_json(folder / "cost.json", {"seconds": seconds, "trials": 2})
        files.write_csv(folder / "trials.csv", pd.DataFrame({"trial": [0, 1], "epochs": [3, 2]}))


def test_learning_inverts_the_estimate(experiment: params.Params, tmp_path: Path) -> None:
    cells = cells_of(experiment)
    written(tmp_path, cells, {"full": FULL, "probe": PROBE})
    sizes = learned.sizes(tmp_path, [("movie-sentiment", "minilm")])
    assert sizes == {("movie-sentiment", "minilm"): SIZE}
    found = learned.speeds(tmp_path, experiment, cells, sizes, jobs_of(experiment, cells))
    assert [key[2] for key in found] == ["full", "probe"]
    for speed, true in zip(found.values(), (FULL, PROBE), strict=True):
        assert list(speed) == pytest.approx(list(true))
    runs_alone = {job for job in jobs_of(experiment, cells) if job[0] == "train"}
    assert learned.speeds(tmp_path, experiment, cells, sizes, runs_alone) == {}
    fits = 2 * (30 + 0.5) + 4.4 + 5 * 10.2 + 2 * (1 + 0.3 + 0.5) + 1.2 + 2 + 5 * 0.1
    assert learned.fit_seconds(tmp_path, jobs_of(experiment, cells)) == pytest.approx(fits)


def test_a_run_tells_estimate_and_outcome(experiment: params.Params, capsys: pytest.CaptureFixture[str]) -> None:
    cells = cells_of(experiment)
    first = Watch(experiment, cells, started=0.0)
    told = first.expected(jobs_of(experiment, cells), cores=1)
    assert told[0] == "to do: 6 of 6 searches and runs"
    assert "`tuneproof plan`" in told[1]
    written(Path(experiment.results), cells, {"full": FULL, "probe": PROBE})
    first.end()
    assert "6 searches and runs on 1 cores: took" in capsys.readouterr().err

    again = Watch(experiment, cells, started=0.0)
    told = again.expected({("train", "movie-sentiment", "minilm", "full", "1")}, cores=1)
    assert told[0].startswith("to do: 1 of 6 searches and runs, 1 fits")
    # loading 2.2 s, three epochs of 10.2 s, both splits predicted 0.5 s, and the job's own 0.4 s
    assert told[1].startswith("time: about 34 s on 1 cores")
    last = outcome.read(Path(experiment.results))
    assert last is not None
    assert (last.estimated, last.whole, last.seconds) == (pytest.approx(33.7), False, None)
    told = {"jobs": 1, "cores": 1, "estimated": "34 s"}
    assert last.words(now=65.0) == {**told, "took": "1 min 05 s", "ended": False}
    ended = last._replace(seconds=893.0)
    assert ended.words(now=65.0) == {**told, "took": "14 min 53 s", "ended": True}
    assert ended.line() == "1 searches and runs on 1 cores: estimated 34 s, took 14 min 53 s"
    assert Watch(experiment, cells, started=0.0).expected(set(), cores=1) == []
    assert outcome.read(Path(experiment.results)) is None  # it did not end
    whole = outcome.read(Path(experiment.results), whole=True)  # the first one did
    assert whole is not None
    assert (whole.jobs, whole.whole, whole.estimated) == (6, True, None)


def test_speeds_count_for_what_they_were_measured_with(
    experiment: params.Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = cells_of(experiment)
    key = ("movie-sentiment", "minilm", "full")
    guess = FULL._replace(measured=False)
    speeds = {key: FULL, (*key[:2], "probe"): guess}
    Store().add(experiment, cells, {key[:2]: SIZE}, speeds)
    assert Store().speeds(cells) == {key: FULL}  # what was taken over is no measurement
    assert Store().sizes(experiment, [key[:2]]) == {key[:2]: SIZE}

    longer = [cell.model_copy(update={"training": cell.training.model_copy(update={"epochs": 9})}) for cell in cells]
    assert Store().speeds(longer) == {key: FULL}
    other = [cell.model_copy(update={"training": cell.training.model_copy(update={"batch_size": 4})}) for cell in cells]
    assert Store().speeds(other) == {}
    few = experiment.datasets["movie-sentiment"].model_copy(update={"train_size": 9})
    changed = experiment.model_copy(update={"datasets": {"movie-sentiment": few}})
    assert Store().sizes(changed, [key[:2]]) == {}
    assert expect(changed, cells, frozenset(), cores=2, store=Store()) is None
    found = expect(experiment, cells, frozenset(), cores=2, store=Store())
    assert found is not None
    assert found.guessed == [(*key[:2], "probe")]

    monkeypatch.setattr(stored, "machine", lambda: "another one")
    assert Store().speeds(cells) == {}


def test_a_damaged_store_is_measured_again(experiment: params.Params) -> None:
    stored.PLACE.parent.mkdir()
    stored.PLACE.write_text('{"machine": "cut o')
    assert Store().speeds(cells_of(experiment)) == {}
    outcome.path(Path("results")).parent.mkdir()
    outcome.path(Path("results")).write_text('{"cores": 2')
    assert outcome.read(Path("results")) is None


def test_jobs_by_their_rule() -> None:
    at = SimpleNamespace(dataset="d", model="m", method="a", seed="3")
    names = {rule: job_of(SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=at)) for rule in
             ("search", "train", "evaluate")}  # fmt: skip
    assert names == {"search": ("search", "d", "m", "a"), "train": ("train", "d", "m", "a", "3"), "evaluate": None}
