"""profiles/slurm: what holds by default holds there too; and a real cluster gives the bytes of a local run."""

import contextlib
import importlib.util
import os
import shlex
import signal
import time
from pathlib import Path

import psutil
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def test_the_profile_repeats_every_default():
    """`--workflow-profile` replaces the default profile. GPUs are counted by Slurm there."""
    default = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    assert default.pop("resources") == {"gpu": 1}
    assert default == {key: PROFILE.get(key) for key in default}


def make_project(folder):
    """A smaller experiment than tiny.yaml: each wave of cluster jobs takes seconds of waiting."""
    spec = importlib.util.spec_from_file_location("e2e_conftest", ROOT / "tests/e2e/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder.mkdir()
    project = module.Project(folder)
    experiment = project.params()
    del experiment["datasets"]["tweet-ner"]
    experiment["augmentations"] = {}
    experiment["methods"] = {"lora": {"tuning": "lora"}, "probe": {"tuning": "probe"}}
    experiment["ensembles"] = {"all": {"members": ["*"]}}
    # two jobs share each search; start-up points alone, so that the outcome does not depend on who was faster
    experiment["search"] = {"trials": 2, "startup": 2, "pruner": "none", "workers": 2}
    project.write(experiment)
    return project


def wait_for(condition, process, seconds=300):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return found


def fits(folder):
    """Processes that train in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "train" in words and any(word.endswith("bin/tuneproof") for word in words) and process.cwd() == folder:
                found.append(process)
    return found


@pytest.mark.cluster
def test_a_cluster_gives_the_bytes_of_a_local_run(slurm, tmp_path):
    """On the way one job is cancelled, one killed, and the node's daemon killed and started again."""
    local, remote = make_project(tmp_path / "local"), make_project(tmp_path / "remote")
    local.snakemake()

    quick = shlex.split(
        "--slurm-status-command squeue --slurm-init-seconds-before-status-checks 2 --seconds-between-status-checks 2"
        " --slurm-no-account --latency-wait 10 --default-resources slurm_partition=main mem_mb=1000 runtime=10 turn=1"
    )
    process = remote.command("snakemake", "--workflow-profile", "profiles/slurm", *quick)
    try:
        cancelled = wait_for(lambda: slurm.running("train"), process)[0]
        # one after another: a search (2 h), two fits (1 h each) and their challenge (1 h)
        assert slurm.ask("squeue", "-h", "-j", cancelled, "-o", "%C %m %l") == "1 3000M 5:00:00"
        slurm.ask("scancel", cancelled)
        killed = wait_for(lambda: fits(str(remote.folder)), process)[0]
        os.kill(killed.pid, signal.SIGKILL)
        slurm.kill_node()
        slurm.start_node()
        output, _ = process.communicate(timeout=400)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert output.count("Trying to restart") >= 2
    assert all(f"lora, worker {number}" in output for number in (0, 1))
    assert "DVC was not told" not in output
    assert remote.digest() == local.digest()
    assert remote.jobs() == {}
