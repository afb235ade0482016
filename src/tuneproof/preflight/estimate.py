"""Seconds, memory and disk of an experiment from the speed of each cell: arithmetic only, nothing is measured here."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tuneproof.cell import Cell
from tuneproof.challenge.options import Challenge

EPOCHS_TRIED = {"median": 0.71, "halving": 0.6, "none": 1.0}
"""Share of a search's epochs that its pruner lets happen: 0.71 in the default experiment (5 trials of 3 epochs)."""
JOB_SECONDS = 0.4
"""What a job costs besides its fits: starting, reading tokens, writing results."""
TIMED = 213
"""Texts that a challenge answers to measure latency: 21 alone and 6 batches of 32."""
QUERIES = 27
"""Texts that an attack on one row asks for: 202 to 324 for ten rows in the default experiment."""
GRADIENT = 3
"""Answers that one with its gradient costs."""
WORDS = 20
"""Words of an explained row that are left out, one at a time."""

Key = tuple[str, str, str]
"""Data set, model, method."""


class Sizes(NamedTuple):
    """Sub-tokens of a data set under one model's tokenizer; `train` without augmentation."""

    rows: int
    train: int
    validation: int
    test: int
    test_rows: int = 1


class Speed(NamedTuple):
    """What one cell costs on this machine, seconds a sub-token."""

    train: float
    predict: float
    start: float
    """Seconds until the first step: loading the model and attaching the tuning."""
    memory_mb: float
    checkpoint_bytes: int
    measured: bool = True
    """False where it was taken over from another cell."""


class Job(NamedTuple):
    """One search, one run or one challenge."""

    stage: str
    cell: tuple[str, str, str]
    seconds: float
    most: float
    """Seconds where nothing is pruned."""


class Estimate(NamedTuple):
    """Of all jobs that are not done."""

    seconds: float
    """Wall time on the given number of cores."""
    most: float
    """The same where nothing is pruned."""
    fits: int
    jobs: int
    """Searches and runs."""
    challenges: int
    memory_mb: float
    """Of as many jobs at once as there are cores, the largest ones."""
    disk_bytes: int
    by_method: dict[str, float]
    """Seconds of one core a method, all data sets together."""


def jobs(
    cells: Sequence[Cell],
    seeds: Sequence[int],
    sizes: Mapping[tuple[str, str], Sizes],
    speeds: Mapping[tuple[str, str, str], Speed],
    *,
    copies: Mapping[str, int],
    frozen: frozenset[str] = frozenset(),
    done: frozenset[tuple[str, ...]] = frozenset(),
    challenge: Challenge | None = None,
) -> list[Job]:
    """A job a search, a run and a challenge, in the order of the cells.

    `copies` are the new rows that an augmentation makes of each row, `frozen` the tunings whose body's features are
    computed once a job, and `done` holds (stage, dataset, model, method[, seed]) of what need not run again.
    """
    found = []
    for cell in cells:
        key = (cell.dataset, cell.model, cell.method)
        size, speed = sizes[cell.dataset, cell.model], speeds[key]
        train = size.train * (1 + copies.get(cell.augmentation, 0))
        epoch = train * speed.train + size.validation * speed.predict
        once = 0.0
        if cell.tuning["name"] in frozen and cell.adversarial is None and not cell.regularisers:
            once, epoch = (train + size.validation) * speed.predict, train * speed.train
        fit = speed.start + cell.training.epochs * epoch
        if ("search", *key) not in done:
            share = EPOCHS_TRIED[cell.search.pruner] if cell.training.epochs > 1 else 1.0
            tried = speed.start + share * cell.training.epochs * epoch
            trials = cell.search.trials
            found.append(Job("search", key, JOB_SECONDS + once + trials * tried, JOB_SECONDS + once + trials * fit))
        run = JOB_SECONDS + once + fit + (size.validation + size.test) * speed.predict
        found += [Job("train", key, run, run) for seed in seeds if ("train", *key, str(seed)) not in done]
        if challenge is not None and ("challenge", *key) not in done:
            asked = len(challenge.seeds or seeds[:1])
            texts = TIMED + asked * _asked_for(challenge, size.test_rows, attacked=cell.task != "regression")
            cost = JOB_SECONDS + asked * speed.start + texts * size.test / size.test_rows * speed.predict
            found.append(Job("challenge", key, cost, cost))
    return found


def _asked_for(challenge: Challenge, rows: int, *, attacked: bool) -> int:
    """Texts that one run answers in a challenge."""
    texts = (1 + len(challenge.shifts)) * min(challenge.rows, rows)
    if attacked and challenge.attack is not None:
        texts += QUERIES * min(challenge.attack.rows, rows)
    if challenge.explain is not None:
        texts += min(challenge.explain.rows, rows) * (GRADIENT * challenge.explain.steps + WORDS)
    return texts


def estimate(
    some: Sequence[Job], speeds: Mapping[tuple[str, str, str], Speed], trials: Mapping[tuple[str, str, str], int],
    *, cores: int
) -> Estimate:  # fmt: skip
    """Wall time by giving each free core the next job, as Snakemake does: a run waits for its cell's search."""
    by_method: dict[str, float] = {}
    for job in some:
        by_method[job.cell[2]] = by_method.get(job.cell[2], 0.0) + job.seconds
    largest = sorted((speeds[key].memory_mb for key in {job.cell for job in some}), reverse=True)
    return Estimate(
        seconds=wall([(job.stage, job.cell, job.seconds) for job in some], cores),
        most=wall([(job.stage, job.cell, job.most) for job in some], cores),
        fits=sum(trials[job.cell] if job.stage == "search" else 1 for job in some if job.stage != "challenge"),
        jobs=sum(job.stage != "challenge" for job in some),
        challenges=sum(job.stage == "challenge" for job in some),
        memory_mb=sum(largest[:cores]) if len(largest) >= cores else sum(largest[:1]) * min(cores, len(some)),
        disk_bytes=sum(speeds[job.cell].checkpoint_bytes for job in some if job.stage == "train"),
        by_method=dict(sorted(by_method.items(), key=lambda entry: -entry[1])),
    )


def wall(some: Sequence[tuple[str, tuple[str, str, str], float]], cores: int) -> float:
    """Seconds until all jobs are done: greedy in the order given, runs only after their cell's search has ended."""
    waiting: dict[tuple[str, str, str], list[float]] = {}
    ready: list[tuple[float, tuple[str, str, str] | None]] = []
    searched = {cell for stage, cell, _ in some if stage == "search"}
    for stage, cell, seconds in some:
        if stage != "search" and cell in searched:
            waiting.setdefault(cell, []).append(seconds)
        else:
            ready.append((seconds, cell if stage == "search" else None))
    running: list[tuple[float, int, tuple[str, str, str] | None]] = []
    now, number = 0.0, 0
    while ready or running:
        while ready and len(running) < cores:
            seconds, cell_searched = ready.pop(0)
            heapq.heappush(running, (now + seconds, number, cell_searched))
            number += 1
        now, _, ended = heapq.heappop(running)
        if ended is not None:
            ready = [(seconds, None) for seconds in waiting.pop(ended, [])] + ready
    return now
