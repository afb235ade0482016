"""Runs that go wrong in themselves: a loss that is no number, too little memory, a hang, a second run, a clock."""

import os
import time

import pytest
import torch

from tuneproof import cli


def test_a_loss_that_is_no_number(fresh, errors):
    """One method's rates are absurd: its reason is told, the other method runs all the same."""
    params = fresh.params()
    params["methods"]["lora"]["learning_rate"] = [1e12, 1e13]
    params["training"]["optimizer"] = "sgd"
    params["training"]["max_grad_norm"] = 0
    fresh.write_params(params)
    output = fresh.snakemake(code=1)
    (line,) = errors(output)
    assert "tweet-ner/minilm/lora: all 2 trials diverged" in line
    assert "set methods.lora.learning_rate to a lower range" in line
    assert "Traceback" not in output
    assert (fresh.results / "train/tweet-ner/minilm/probe-mention/seed-0/manifest.json").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
def test_memory_that_runs_out_is_one_line(monkeypatch, capsys, error):
    """Within a step the loop takes fewer rows at a time first: see tests/train/test_loop.py."""

    def app(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", app)
    assert cli.run_here(["train"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("error: out of memory; use fewer --cores, or a smaller training.batch_size")


def test_a_bug_is_not_taken_for_a_lack_of_memory(monkeypatch):
    def app(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(ZeroDivisionError):
        cli.run_here(["train"])


def test_a_fit_that_stands_still(finished, calm, errors):
    (finished.results / "train/tweet-ner/minilm/lora/seed-0/predictions.parquet").unlink()
    output = finished.snakemake(code=1, TUNEPROOF_STALL_MINUTES="0.0002")
    said = errors(output)
    assert len(said) == 1, output
    assert "stood still" in said[0]
    assert "TUNEPROOF_STALL_MINUTES" in said[0]
    assert finished.left_after(5) == []
    finished.snakemake()
    assert finished.digest() == calm.digest()


def test_two_runs_at_once(fresh, calm, errors):
    first = fresh.start("snakemake", "--cores", "1")
    while not (fresh.folder / ".tuneproof/lock").exists() or not (fresh.folder / ".tuneproof/lock").read_text():
        assert first.poll() is None
        time.sleep(0.02)
    (line,) = errors(fresh.snakemake(code=1))
    assert line.startswith("error: another run is at work")
    assert f"process {first.pid}" in line
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    assert fresh.digest() == calm.digest()


@pytest.mark.slow
def test_a_network_that_is_down(fresh):
    """Told once, with what to do; the retries are within the job."""
    params = fresh.params()
    params["datasets"]["tweet-ner"]["source"].update(package="tuneproof-none==1.0", sha256="0" * 64)
    fresh.write_params(params)
    output = fresh.snakemake(code=1, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_CONFIG_FILE=os.devnull)
    line = "tuneproof-none==1.0: pip could not download"
    assert output.count(f"error: {line}") == 1, output
    assert output.count(f"failed: fetch/data/tweet-ner: {line}") == 1, output
    assert "run `make fetch` on a machine with network" in output


def test_a_clock_set_back(finished, calm):
    """All that is there was made tomorrow: nothing runs without need, and what changed runs and is believed."""
    tomorrow = time.time() + 86_400
    for path in finished.folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (tomorrow, tomorrow))
    assert "Nothing to be done" in finished.snakemake()
    usual = finished.params()
    changed = finished.params()
    changed["methods"]["probe-mention"]["learning_rate"] = [1e-4, 2e-4]
    finished.write_params(changed)
    finished.snakemake()
    assert finished.digest() != calm.digest()
    assert "Nothing to be done" in finished.snakemake()
    finished.write_params(usual)
    finished.snakemake()
    assert finished.digest() == calm.digest()
