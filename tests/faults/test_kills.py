"""A run that is killed at any moment, and started again, ends as one that nobody disturbed, byte for byte."""

import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

KILLS = int(os.environ.get("TUNEPROOF_KILLS", "6"))
A_RUN = 10
"""Kills of the same run, each in the run that follows the one before."""
SEED = int(os.environ.get("TUNEPROOF_KILLS_SEED", "0"))
TARGETS = ("group", "snakemake", "job", "worker")
"""Who gets the signal: all that a terminal's Ctrl-C would reach, Snakemake alone, one job, the warm worker."""
SECONDS_LEFT = 10.0
"""All processes are gone by then, on a machine that is busy with other things."""
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def stages(project):
    """Stages that are at work: rules whose processes run."""
    found = set()
    for process in project.processes():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if len(words) > 2 and words[1].endswith("/tuneproof"):
            found.add(words[2])
    return found or {"between"}


def victims(project, process, target):
    if target == "group":
        return []
    if target == "snakemake":
        return [psutil.Process(process.pid)]
    wanted = "tuneproof.worker_server" if target == "worker" else "/tuneproof"
    found = []
    for other in project.processes():
        try:
            line = other.cmdline()
        except psutil.Error:
            continue
        is_worker = "tuneproof.worker_server" in line
        if any(word.endswith(wanted) for word in line) and is_worker == (target == "worker"):
            found.append(other)
    return found


def disturb(project, chance, seconds):
    """Start a run, kill something of it at a random moment; returns what was hit, or None where it had ended."""
    process = project.start("snakemake", "--cores", "2")
    moment, target, number = chance.uniform(1.0, seconds / 2), chance.choice(TARGETS), chance.choice(SIGNALS)
    time.sleep(moment)
    if process.poll() is not None:
        process.communicate()
        return None
    at_work = stages(project)
    hit = victims(project, process, target)
    if hit:
        chosen = hit[chance.randrange(len(hit))]
        try:
            chosen.send_signal(number)
        except psutil.NoSuchProcess:
            target = "gone"
    else:
        target = "group"
        os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=120)
    assert project.left_after(SECONDS_LEFT) == [], (target, number, moment)
    if number != signal.SIGKILL and target in ("group", "snakemake"):
        assert "Traceback" not in output, output
    return target, number.name, at_work


@pytest.mark.timeout(14_400)
def test_killed_at_random_moments_it_ends_the_same(calm, template, tmp_path):
    chance, digest = random.Random(SEED), calm.digest()
    hits, resumed, at_work = Counter(), 0, Counter()
    trial = 0
    while hits.total() < KILLS:
        project = template.copy(tmp_path / f"project-{trial}")
        trial += 1
        for _ in range(min(A_RUN, KILLS - hits.total())):
            hit = disturb(project, chance, calm.seconds)
            resumed += goes_on(project)
            if hit is None:  # it ran to its end
                break
            hits[hit[:2]] += 1
            at_work.update(hit[2])
        project.snakemake()
        resumed += goes_on(project)
        assert project.digest() == digest, f"seed {SEED}, trial {trial}: {hits}"
        scratch = project.folder / ".tuneproof"
        left = {path.relative_to(scratch).parts[0] for path in scratch.rglob("*") if path.is_file()}
        assert left <= {"lock", "code", "outcome", "calibration.json"}  # no journal and no state of a fit
        assert project.left_after(3) == []
        shutil.rmtree(project.folder)
        by = ", ".join(f"{count} × {number} to {target}" for (target, number), count in sorted(hits.items()))
        report = f"{hits.total()} kills: {by}; at work: {dict(at_work)}; fits that went on: {resumed}; survived: all"
        if out := os.environ.get("TUNEPROOF_KILLS_REPORT"):
            Path(out).write_text(report + "\n")


def goes_on(project):
    """Fits that said they go on from a step, by the logs of the last run."""
    logs = [path.read_text() for path in (project.folder / "logs").rglob("*.log")]
    return sum(len(re.findall(r"goes on from step", log)) for log in logs)
