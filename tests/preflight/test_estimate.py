"""Arithmetic of the estimate, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.cell import Cell, Search, Training
from tuneproof.challenge.options import Challenge
from tuneproof.errors import TuneproofError
from tuneproof.preflight import durations, show
from tuneproof.preflight.budget import seconds_of
from tuneproof.preflight.calibrate import filled
from tuneproof.preflight.estimate import (
    GRADIENT,
    JOB_SECONDS,
    QUERIES,
    TIMED,
    WORDS,
    Sizes,
    Speed,
    estimate,
    jobs,
    wall,
)
from tuneproof.preflight.run import Preflight, finished

A, B = ("d", "m", "a"), ("d", "m", "b")
SIZES = {("d", "m"): Sizes(rows=100, train=1000, validation=200, test=300)}
SPEED = Speed(train=0.01, predict=0.001, start=1.0, memory_mb=900, checkpoint_bytes=10)


def cell(method: str, tuning: str = "lora", **more: Any) -> Cell:
    settings: dict[str, Any] = {
        "dataset": "d",
        "model": "m",
        "method": method,
        "task": "classification",
        "tuning": {"name": tuning},
        "augmentation": "none",
        "adversarial": None,
        "training": Training(epochs=2),
        "learning_rates": (1e-4, 1e-2, 1e-3),
        "search": Search(trials=3, pruner="none"),
    }
    return Cell(**{**settings, **more})


def test_a_cell_by_hand() -> None:
    """An epoch: 1,000 · 0.01 + 200 · 0.001 = 10.2 s; a fit: 1 + 2 · 10.2 = 21.4 s; both splits predicted: 0.5 s."""
    found = jobs([cell("a")], [0, 1], SIZES, {A: SPEED}, copies={})
    assert [job.stage for job in found] == ["search", "train", "train"]
    assert found[0].seconds == pytest.approx(JOB_SECONDS + 3 * 21.4)
    assert found[1].seconds == pytest.approx(JOB_SECONDS + 21.4 + 0.5)


def test_pruning_augmentation_and_frozen_bodies() -> None:
    pruned = cell("a", search=Search(trials=3, pruner="median"))
    search = jobs([pruned], [], SIZES, {A: SPEED}, copies={})[0]
    assert search.most == pytest.approx(JOB_SECONDS + 3 * 21.4)
    assert search.seconds == pytest.approx(JOB_SECONDS + 3 * (1 + 0.71 * 20.4))
    doubled = jobs([cell("a", augmentation="copy")], [], SIZES, {A: SPEED}, copies={"copy": 1})[0]
    assert doubled.seconds == pytest.approx(JOB_SECONDS + 3 * (1 + 2 * 20.2))
    frozen = jobs([cell("a", "probe")], [], SIZES, {A: SPEED}, copies={}, frozen=frozenset({"probe"}))[0]
    assert frozen.seconds == pytest.approx(JOB_SECONDS + 1.2 + 3 * (1 + 2 * 10))


def test_what_is_done_costs_nothing() -> None:
    done = finished(frozenset({"results/search/d/m/a/best.json", "results/train/d/m/a/seed-1/run.json", "x/y.csv"}))
    assert done == {("search", *A), ("train", *A, "1")}
    left = jobs([cell("a")], [0, 1], SIZES, {A: SPEED}, copies={}, done=done)
    assert [(job.stage, job.cell) for job in left] == [("train", A)]


def test_a_challenge_answers_its_rows_under_every_shift_and_for_latency() -> None:
    sizes = {("d", "m"): Sizes(rows=100, train=1000, validation=200, test=300, test_rows=60)}
    asked = Challenge(rows=100, shifts={"case": 0.5, "typos": 0.1}, seeds=(0, 1))
    *_, job = jobs([cell("a")], [0, 1], sizes, {A: SPEED}, copies={}, challenge=asked)
    # two runs: all 60 rows as they are and under two shifts, ten attacked, three explained in 20 steps
    texts = 2 * (3 * 60 + 10 * QUERIES + 3 * (20 * GRADIENT + WORDS)) + TIMED
    assert (job.stage, job.cell) == ("challenge", A)
    assert job.seconds == pytest.approx(JOB_SECONDS + 2 * SPEED.start + texts * 5 * SPEED.predict)
    done = finished(frozenset({"results/challenge/d/m/a/challenge.json"}))
    assert "challenge" not in {j.stage for j in jobs([cell("a")], [0], sizes, {A: SPEED}, copies={}, done=done)}


def test_runs_wait_for_their_search() -> None:
    some = [("search", A, 10.0), ("train", A, 5.0), ("train", A, 5.0), ("search", B, 4.0), ("train", B, 1.0)]
    assert wall(some, 1) == 25
    assert wall(some, 2) == 15  # a: 10, then 5 beside b's: 4 + 1 (+ 5 of a)
    assert wall(some, 9) == 15
    assert wall([("train", A, 3.0)], 2) == 3
    assert wall([], 2) == 0


@given(
    st.lists(st.tuples(st.floats(0, 50), st.lists(st.floats(0, 50), max_size=3)), max_size=6),
    st.integers(1, 4),
)
def test_wall_time_lies_between_the_bounds(cells: list[tuple[float, list[float]]], cores: int) -> None:
    some = []
    for number, (search, runs) in enumerate(cells):
        key = ("d", "m", str(number))
        some += [("search", key, search), *(("train", key, run) for run in runs)]
    whole = sum(seconds for *_, seconds in some)
    longest = max((search + max(runs, default=0) for search, runs in cells), default=0)
    assert max(whole / cores, longest) - 1e-6 <= wall(some, cores) <= whole + 1e-6


def test_memory_and_disk() -> None:
    speeds = {A: SPEED, B: SPEED._replace(memory_mb=100)}
    some = jobs([cell("a"), cell("b")], [0], SIZES, speeds, copies={})
    found = estimate(some, speeds, {A: 3, B: 3}, cores=2)
    assert found.memory_mb == 1000
    assert found.disk_bytes == 20
    assert (found.jobs, found.fits) == (4, 8)
    assert [*found.by_method] == ["a", "b"]


def test_a_cell_that_was_not_measured_takes_over_a_speed() -> None:
    cells = [cell("a"), cell("b"), cell("a", dataset="e"), cell("c", "full", dataset="e")]
    measured = {A: SPEED, ("e", "m", "c"): SPEED._replace(train=0.5)}
    found = filled(cells, measured)
    assert found[A].measured
    assert found[B] == SPEED._replace(measured=False)  # the same tuning
    assert found["e", "m", "a"].train == SPEED.train
    with pytest.raises(ValueError, match="no cell"):
        filled(cells, {})


def test_budget() -> None:
    written = ("90s", "45min", "1.5h", " 2 h ", "1d")
    assert [seconds_of(text) for text in written] == [90, 2700, 5400, 7200, 86400]


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "0h", "2 weeks"])
def test_wrong_budget(text: str) -> None:
    with pytest.raises(TuneproofError, match="allowed: a number and s, min, h or d"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (100, "2 min"), (870, "14 min"), (7500, "2 h 05 min")])
def test_durations(seconds: float, words: str) -> None:
    assert durations.duration(seconds) == words


def test_lines() -> None:
    some = jobs([cell("a")], [0], SIZES, {A: SPEED}, copies={})
    left = estimate(some, {A: SPEED}, {A: 3}, cores=2)
    reason = {"dataset": "d", "model": "m", "method": "x", "reason": "no such layer"}
    found = Preflight(left, jobs=4, guessed=[A], cuts=[], left_out=[reason], cores=2)
    text = "\n".join(show.lines(found, budget=10.0))
    assert "to do: 2 of 4 searches and runs, 4 fits" in text
    assert "budget 10 s: too little" in text
    assert "still too long" in text
    assert "left out: d/m/x: no such layer" in text
    nothing = found._replace(left=estimate([], {}, {}, cores=2))
    assert show.lines(nothing) == ["nothing to be done: all 4 searches and runs are there"]
