"""One graph, two doors: what `snakemake` and `dvc repro` promise each other."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import yaml


def test_everything_is_there_and_readable(finished):
    results = finished.folder / "results"
    page = (results / "report/index.html").read_text()
    assert "A tiny experiment" in page
    metrics = json.loads((results / "report/metrics.json").read_text())
    assert set(metrics) == {"movie-sentiment", "tweet-ner"}
    assert 0 <= metrics["movie-sentiment"]["minilm"]["full"]["accuracy"] <= 1
    left_out = json.loads((results / "settings/report.json").read_text())["left_out"]
    assert [(entry["dataset"], entry["method"]) for entry in left_out] == [("movie-sentiment", "probe-mention")]


def test_a_second_run_has_nothing_to_do(finished):
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*") if path.is_file()}
    assert "Nothing to be done" in finished.snakemake()
    assert finished.jobs() == {}
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_dvc_knows_what_snakemake_made(finished):
    assert "up to date" in finished.run("dvc", "status")
    assert "didn't change" in finished.run("dvc", "repro")
    assert "accuracy" in finished.run("dvc", "metrics", "show")
    assert "vega" in finished.run("dvc", "plots", "show").lower() or (finished.folder / "dvc_plots/index.html").exists()


def test_both_doors_give_the_same_bytes(finished, tmp_path_factory):
    other = type(finished)(tmp_path_factory.mktemp("dvc"))
    other.run("dvc", "repro")
    assert other.digest() == finished.digest()
    assert len(other.digest().splitlines()) > 80
    assert other.jobs() == {}
    assert "up to date" in other.run("dvc", "status")


@pytest.mark.slow
def test_after_clone_and_pull_there_is_nothing_to_do(finished, tmp_path):
    finished.run("dvc", "remote", "add", "--force", "--default", "--local", "store", str(tmp_path / "store"))
    finished.run("dvc", "push", "--quiet")
    clone = type(finished).__new__(type(finished))
    clone.folder = tmp_path / "clone"
    finished.run("git", "clone", "-q", str(finished.folder), str(clone.folder))
    (clone.folder / "data").symlink_to(finished.folder / "data")
    clone.run("dvc", "remote", "add", "--default", "--local", "store", str(tmp_path / "store"))
    clone.run("make", "pull", "INSTALLED=")
    assert "up to date" in clone.run("dvc", "status")
    assert clone.jobs() == {}
    assert clone.digest() == finished.digest()


LORA = {"search": 2, "train": 4, "challenge": 2, "ensemble": 4, "evaluate": 2, "across": 1, "report": 1, "all": 1}
"""Jobs that depend on the method `lora`: two data sets, two seeds, and what is made of all methods."""


def test_a_changed_method_runs_again_alone(copy):
    experiment = copy.params()
    experiment["methods"]["lora"]["learning_rate"] = [1e-3, 1e-2]
    copy.write(experiment)
    assert copy.jobs() == LORA


def test_an_added_method_adds_its_jobs_only(copy):
    experiment = copy.params()
    experiment["methods"]["bitfit"] = {"tuning": "bitfit"}
    copy.write(experiment)
    assert copy.jobs() == LORA


@pytest.mark.slow
@pytest.mark.parametrize("door", ["snakemake", "dvc"])
def test_without_metadata_and_time_stamps_an_edited_rate_is_still_noticed(copy, door):
    """The lock file never claims what was not run."""
    experiment = copy.params()
    experiment["methods"]["probe"]["learning_rate"] = [1e-4, 2e-4]
    experiment["methods"]["lora"]["learning_rate"] = [1e-4, 2e-4]
    copy.write(experiment)
    shutil.rmtree(copy.folder / ".snakemake")
    flat = time.time() - 1000
    for path in copy.folder.rglob("*"):
        if ".git" not in path.parts and ".dvc" not in path.parts and path.is_file() and not path.is_symlink():
            os.utime(path, (flat, flat))
    copy.run("snakemake", "--cores", "2") if door == "snakemake" else copy.run("dvc", "repro")
    best = json.loads((copy.folder / "results/search/movie-sentiment/minilm/lora/best.json").read_text())
    assert best["range"] == [1e-4, 2e-4]
    run = json.loads((copy.folder / "results/train/movie-sentiment/minilm/lora/seed-1/run.json").read_text())
    assert run["learning_rate"] == best["learning_rate"] <= 2e-4
    locked = yaml.safe_load((copy.folder / "dvc.lock").read_text())["stages"]["search"]["params"]["params.yaml"]
    assert locked["methods"]["lora"]["learning_rate"] == [1e-4, 2e-4]
    assert "up to date" in copy.run("dvc", "status")


@pytest.mark.slow
def test_a_removed_method_leaves_nothing_behind(copy):
    experiment = copy.params()
    del experiment["methods"]["lora"]
    copy.write(experiment)
    copy.snakemake()
    assert not list((copy.folder / "results").rglob("lora"))
    assert "up to date" in copy.run("dvc", "status")


@pytest.mark.slow
def test_a_partial_run_is_not_handed_over(copy):
    experiment = copy.params()
    experiment["seeds"] = [0]
    copy.write(experiment)
    lock = (copy.folder / "dvc.lock").read_bytes()
    copy.snakemake("evaluate_all")
    assert (copy.folder / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_dvc_experiments_really_train(copy):
    before = json.loads((copy.folder / "results/report/metrics.json").read_text())
    copy.run("dvc", "exp", "run", "--temp", "-S", "+methods.probe.learning_rate=[0.2,0.3]", "--name", "hot")
    shown = copy.run("dvc", "exp", "show", "--csv")
    assert "hot" in shown
    copy.run("dvc", "exp", "apply", "hot")
    after = json.loads((copy.folder / "results/report/metrics.json").read_text())
    trials = (copy.folder / "results/search/tweet-ner/minilm/probe/trials.csv").read_text().splitlines()[1:]
    assert all(0.2 <= float(line.split(",")[2]) <= 0.3 for line in trials)
    assert before["movie-sentiment"]["minilm"]["full"] == after["movie-sentiment"]["minilm"]["full"]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3.0, 6.0, 9.0])
def test_a_killed_run_started_again_ends_the_same(finished, tmp_path, seconds):
    project = type(finished)(tmp_path)
    process = project.command("snakemake", "--cores", "2")
    time.sleep(seconds)
    assert process.poll() is None, "the run ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    project.snakemake()
    assert project.digest() == finished.digest()


def test_a_second_run_at_the_same_time_is_told(finished, tmp_path):
    project = type(finished)(tmp_path)
    first = project.command("snakemake", "--cores", "1", "fetch_all")
    held = project.folder / ".tuneproof/lock"
    while not held.exists() or not held.read_text():
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGSTOP)  # or it might have ended before the second begins
    output = project.snakemake("fetch_all", code=1)
    os.killpg(first.pid, signal.SIGCONT)
    assert "another run is at work" in output
    assert str(first.pid) in output
    assert first.wait() == 0


def test_a_wrong_params_file_is_said_in_one_line(copy):
    experiment = copy.params()
    experiment["methods"]["lora"]["tunning"] = "lora"
    copy.write(experiment)
    output = copy.snakemake(code=2)
    lines = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert "methods.lora.tunning" in lines[0]
    assert "Traceback" not in output


@pytest.mark.slow
def test_another_experiment_does_not_touch_the_results(copy):
    before = copy.digest()
    experiment = copy.params()
    experiment["results"] = "results/experiments/other"
    experiment["datasets"].pop("tweet-ner")
    experiment["methods"] = {"probe": {"tuning": "probe"}}
    experiment["ensembles"] = {}
    other = Path("experiments/other.yaml")
    (copy.folder / other).write_text(yaml.safe_dump(experiment))
    lock = (copy.folder / "dvc.lock").read_bytes()
    copy.snakemake("--configfile", str(other))
    assert (copy.folder / "results/experiments/other/report/index.html").exists()
    assert copy.digest() == before
    assert (copy.folder / "dvc.lock").read_bytes() == lock
