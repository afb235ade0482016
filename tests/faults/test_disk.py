"""Disks that are full, read-only or limited: one line says so, and once that is over a plain re-run ends as ever."""

import os
import re
import subprocess
import sys

import pytest


def mount(*words):
    """Run mount, or skip where it is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


@pytest.fixture
def unmount():
    """Give it folders to unmount in the end."""
    folders = []
    yield folders.append
    for folder in reversed(folders):
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


@pytest.mark.parametrize("kilobytes", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_a_full_disk(fresh, calm, errors, unmount, kilobytes):
    fresh.results.mkdir()
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(fresh.results))
    unmount(str(fresh.results))
    output = fresh.snakemake(code=1)
    said = errors(output)
    assert said, output
    assert all("No space left on device" in line and "free some space, then run again" in line for line in said), said
    assert all("results/" in line for line in said), said
    assert fresh.left_after(5) == []
    subprocess.run(["mount", "-o", "remount,size=500M", str(fresh.results)], check=True)
    fresh.snakemake()
    assert fresh.digest() == calm.digest()


def test_a_read_only_results_folder(finished, calm, unmount):
    (finished.results / "ensemble/tweet-ner/minilm/all/members.json").unlink()
    mount("--bind", str(finished.results), str(finished.results))
    unmount(str(finished.results))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(finished.results)], check=True)
    output = finished.snakemake(code=1)
    # Snakemake looks before it runs a job, and names the first rule that it comes to: this one, or one that follows
    assert re.search(r"Write-protected output files for rule (ensemble|evaluate|across|report)\b", output)
    assert re.search(r"results/(ensemble|evaluate|report)/", output)
    assert "Traceback" not in output
    subprocess.run(["mount", "-o", "remount,rw,bind", str(finished.results)], check=True)
    finished.snakemake()
    assert finished.digest() == calm.digest()


def test_a_read_only_project(finished, calm, errors, unmount):
    """Nothing can be written at all, the lock neither."""
    mount("--bind", str(finished.folder), str(finished.folder))
    unmount(str(finished.folder))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(finished.folder)], check=True)
    output = finished.snakemake(code=1)
    (line,) = errors(output)
    assert line == (
        f"error: {finished.folder}: cannot be written to; make it writable, or copy the project to where it is"
    )
    subprocess.run(["mount", "-o", "remount,rw,bind", str(finished.folder)], check=True)
    assert "Nothing to be done" in finished.snakemake()
    assert finished.digest() == calm.digest()


def test_a_limit_on_the_size_of_files(finished, calm, errors):
    """What a quota of another kind does: `ulimit -f`, in blocks of 1,024 bytes."""
    (finished.results / "train/tweet-ner/minilm/lora/seed-0/predictions.parquet").unlink()
    output = finished.run("bash", "-c", "ulimit -f 200; snakemake --cores 1", code=1)
    said = errors(output)
    assert len(said) == 1, output
    assert "File too large" in said[0]
    assert "ulimit -f" in said[0]
    finished.snakemake()
    assert finished.digest() == calm.digest()
