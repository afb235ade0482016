"""A run that is cut off while it tells DVC of the results: a plain re-run tells it, though no job is left to run."""

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

KILLS = int(os.environ.get("TUNEPROOF_KILLS", "3"))
SEED = int(os.environ.get("TUNEPROOF_KILLS_SEED", "0"))


def ready(project, count):
    """One job is left to run, and DVC has something new to be told."""
    params = project.params()
    params["report"] = {**params.get("report", {}), "title": f"Title {count}"}
    project.write_params(params)


def telling(project):
    """The process that tells DVC, once it is there."""
    for process in project.processes():
        try:
            if "tuneproof.handover" in process.cmdline():
                return process
        except psutil.Error:
            continue
    return None


def is_up_to_date(project):
    return "up to date" in project.run("dvc", "status")


@pytest.mark.timeout(1800)
def test_killed_while_dvc_is_told(tracked):
    tracked.write_params(tracked.params())
    assert not is_up_to_date(tracked)
    start = time.monotonic()
    assert "telling it now" in tracked.snakemake()  # it ran before DVC was here
    seconds, chance = time.monotonic() - start, random.Random(SEED)
    assert is_up_to_date(tracked)
    for count in range(KILLS):
        ready(tracked, count)
        process = tracked.start("snakemake", "--cores", "2")
        while (teller := telling(tracked)) is None:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.005)
        time.sleep(chance.uniform(0, seconds / 2))
        target = chance.choice(["group", "snakemake", "dvc"])
        if target == "group":
            os.killpg(process.pid, signal.SIGKILL)
        elif target == "snakemake":
            process.kill()
        elif teller.is_running():
            teller.kill()  # psutil sees to it that it is still the same
        process.communicate(timeout=60)
        assert tracked.left_after(5) == []
        output = tracked.snakemake()
        assert "Nothing to be done" in output, output
        assert is_up_to_date(tracked), (SEED, count, target, output)
        assert "DVC" not in tracked.snakemake()


@pytest.mark.parametrize(
    ("file", "left"),
    [
        ("dvc.lock", "cut off"),
        pytest.param("dvc.lock", "nothing", marks=pytest.mark.slow),
        ("dvc.lock", "conflict"),
        (str(Path(".dvc", "tmp", "rwlock")), "nothing"),
    ],
)
def test_a_file_of_dvc_s_that_a_kill_cut_off(tracked, file, left):
    """DVC writes these in place, and refuses to work where it cannot read them."""
    tracked.snakemake()
    whole = (tracked.folder / file).read_text()
    marks = f"<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> other\n"
    (tracked.folder / file).write_text({"cut off": whole[:80], "nothing": "", "conflict": marks}[left])
    (tracked.folder / ".tuneproof/told").unlink()  # as when it was cut off
    assert "not told" not in tracked.snakemake()
    assert is_up_to_date(tracked)
    assert (tracked.folder / "dvc.lock").read_text() == whole or file != "dvc.lock"


def test_dvc_s_reason_is_told_and_its_file_kept(tracked):
    tracked.snakemake()
    whole = (tracked.folder / "dvc.lock").read_text()
    (tracked.folder / "dvc.yaml").write_text("stages: [")
    output = tracked.snakemake()
    assert "DVC was not told about this run (" in output
    assert "dvc.yaml" in output
    assert (tracked.folder / "dvc.lock").read_text() == whole
