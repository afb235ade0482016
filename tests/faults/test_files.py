"""Files that are truncated, changed by one bit, or gone: told by name, made again, or found by `tuneproof verify`."""

import json
import os
import shutil
import signal
import time

import pytest

CELL = "tweet-ner/minilm/lora"


def flipped(content):
    """One bit changed, a third into the file."""
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES = {
    "truncated": lambda content: content[: len(content) * 2 // 3],
    "one bit": flipped,
    "empty": lambda content: b"",
}


def damage(path, how):
    path.write_bytes(DAMAGES[how](path.read_bytes()))


def name_of(path, project):
    return path.relative_to(project.folder).as_posix()


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("prepare/tweet-ner/train.parquet", "truncated"),
        (f"train/{CELL}/seed-0/predictions.parquet", "one bit"),
        (f"search/{CELL}/best.json", "truncated"),
        pytest.param("tokenize/tweet-ner/none/minilm/validation.parquet", "one bit", marks=pytest.mark.slow),
        pytest.param("tokenize/tweet-ner/mention/minilm/train.parquet", "empty", marks=pytest.mark.slow),
        pytest.param("prepare/tweet-ner/card.json", "empty", marks=pytest.mark.slow),
        pytest.param("fetch/models/minilm.json", "truncated", marks=pytest.mark.slow),
        pytest.param("ensemble/tweet-ner/minilm/all/members.json", "truncated", marks=pytest.mark.slow),
        pytest.param("evaluate/tweet-ner/minilm/metrics.json", "truncated", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_file_that_a_job_reads_is_named(finished, calm, errors, file, how):
    path = finished.results / file
    damage(path, how)
    output = finished.snakemake(code=1)
    said = errors(output)
    assert said, output
    assert "Traceback" not in output
    assert all(line.startswith(f"error: results/{file}: ") for line in said), said
    assert all("delete it and run again" in line for line in said), said
    path.unlink()  # what the line says
    finished.snakemake()
    assert finished.digest() == calm.digest()


@pytest.mark.parametrize(
    "file",
    [
        f"train/{CELL}/seed-0/checkpoint/adapter_model.safetensors",
        pytest.param(f"train/{CELL}/seed-0/history.csv", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_file_that_no_job_checks_is_found_by_verify(finished, file):
    damage(finished.results / file, "one bit")
    output = finished.run("tuneproof", "verify", "--all", code=1)
    assert file.rpartition("/")[2] in output


@pytest.mark.slow
def test_a_truncated_pre_trained_model_is_named(fresh, errors):
    target = (fresh.folder / "data").resolve()
    (fresh.folder / "data").unlink()
    shutil.copytree(target, fresh.folder / "data", ignore=shutil.ignore_patterns("hub"))
    fresh.snakemake("tokenize_all")
    (weights,) = (fresh.folder / "data/models").glob("gt-*minilm*/model.safetensors")
    damage(weights, "truncated")
    said = errors(fresh.snakemake("--keep-going", code=1))
    assert said
    assert all(weights.parent.name in line for line in said), said


@pytest.mark.parametrize(
    "how", [pytest.param("truncated", marks=pytest.mark.slow), "one bit", pytest.param("empty", marks=pytest.mark.slow)]
)
def test_a_damaged_journal_of_a_killed_search(fresh, calm, how):
    """Trials are read back from it; what cannot be read is tried anew. It was just being written to, as it seems."""
    process = fresh.start("snakemake", "--cores", "2")
    scratch = fresh.folder / ".tuneproof/search"
    while not list(scratch.glob("*.seal")):  # a trial has ended
        assert process.poll() is None, "the run ended before a search began"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert fresh.left_after(10) == []
    assert list(scratch.glob("*.journal"))
    for journal in scratch.glob("*.journal"):
        damage(journal, how)
        lock = journal.with_name(f"{journal.name}.lock")  # a link, as Optuna makes it
        if not lock.is_symlink():
            lock.symlink_to(journal.relative_to(fresh.folder))
    fresh.snakemake()
    assert fresh.digest() == calm.digest()


@pytest.mark.parametrize("file", ["prepare/tweet-ner/test.parquet", f"search/{CELL}/best.json"])
def test_a_vanished_file_is_made_again(finished, calm, file):
    (finished.results / file).unlink()
    finished.snakemake()
    assert finished.digest() == calm.digest()


@pytest.mark.slow
def test_a_vanished_stage_is_made_again(finished, calm):
    shutil.rmtree(finished.results / "train")
    finished.snakemake()
    assert finished.digest() == calm.digest()


def test_a_vanished_input_of_the_user_s_is_named_before_anything_runs(finished, errors):
    params = finished.params()
    params["datasets"]["mine"] = {
        "task": "classification",
        "source": {"path": "my/reviews.csv"},
        "format": {"kind": "csv"},
        "text": "text",
        "label": "label",
        "split": {"validation": 0.2, "test": 0.2},
    }
    finished.write_params(params)
    output = finished.snakemake(code=2)
    (line,) = errors(output)
    assert "my/reviews.csv" in line


def test_what_a_kill_leaves_half_written_is_nobody_s_result(finished, calm):
    folder = finished.results / f"train/{CELL}/seed-0"
    (folder / ".run.json.x1y2z3.part").write_text("{")
    (folder / ".checkpoint.abc.part").mkdir()
    (folder / ".checkpoint.abc.part/tuneproof.json").write_text("{}")
    assert finished.digest() == calm.digest()
    finished.run("tuneproof", "prune")
    assert not list(folder.glob(".*.part"))
    assert json.loads((folder / "run.json").read_text())
