"""200 methods, 10 data sets, 5 seeds: the page stays usable."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuneproof.files import write_text
from tuneproof.report.latency import Latency
from tuneproof.report.page import page
from tuneproof.report.panels import LEADERBOARD, RATE, Panel, frame_of
from tuneproof.report.results import Results

pytestmark = pytest.mark.slow
CHROMIUM = Path("/usr/bin/chromium")
METHODS, DATASETS, SEEDS, TRIALS, EPOCHS = 200, 10, 5, 6, 5
ROOM_A_CELL = 5
"""Elements that a cell of the leaderboard may take: itself, number, mark, range."""


def panel(dataset: str, names: list[str]) -> Panel:
    """One data set as `panels` reads it, made up."""
    draw = np.random.default_rng(len(dataset))
    values = np.sort(draw.uniform(0.5, 0.9, METHODS))[::-1]
    board = [
        {
            "dataset": dataset,
            "model": "tiny",
            "method": name,
            "kind": "method",
            "score": "accuracy",
            "value": value,
            "low": value - 0.03,
            "high": value + 0.03,
            "seed_mean": value,
            "seed_sd": 0.01,
            "seeds": SEEDS,
            "group": "abcdefgh",
            "trainable_parameters": int(10 ** draw.uniform(3, 7)),
            "train_seconds": draw.uniform(5, 90),
            "peak_memory_mb": draw.uniform(500, 2000),
            "checkpoint_mb": draw.uniform(0.1, 90),
            "learning_rate": 10 ** draw.uniform(-5, -2),
        }
        for name, value in zip(names, values, strict=True)
    ]
    first, second = np.triu_indices(METHODS, 1)
    difference = values[first] - values[second]
    comparisons = pd.DataFrame(
        {
            "a": np.array(names, dtype=object)[first],
            "b": np.array(names, dtype=object)[second],
            "difference": difference,
            "low": difference - 0.04,
            "high": difference + 0.04,
            "p": np.clip(1 - difference * 10, 0.0001, 1),
            "p_holm": np.clip(1.2 - difference * 8, 0.001, 1),
            "distinguishable": difference > 0.15,
            "detectable": 0.04,
            "note": None,
        }
    )
    seeds = pd.DataFrame(
        {"method": np.repeat(names, SEEDS), "seed": np.tile(range(SEEDS), METHODS), "value": np.repeat(values, SEEDS)}
    )
    trials = pd.DataFrame(
        {
            "method": np.repeat(names, TRIALS),
            "scale": RATE,
            "trial": np.tile(range(TRIALS), METHODS),
            "state": "complete",
            "learning_rate": 10 ** draw.uniform(-5, -2, METHODS * TRIALS),
            "warmup_ratio": draw.uniform(0, 0.2, METHODS * TRIALS),
            "value": draw.uniform(0.5, 0.9, METHODS * TRIALS),
            "chosen": np.tile([True] + [False] * (TRIALS - 1), METHODS),
            "low": 1e-5,
            "high": 1e-2,
        }
    )
    runs = METHODS * SEEDS
    history = pd.DataFrame(
        {
            "method": np.repeat(names, SEEDS * EPOCHS),
            "seed": np.tile(np.repeat(range(SEEDS), EPOCHS), METHODS),
            "epoch": np.tile(range(1, EPOCHS + 1), runs),
            "value": draw.uniform(0.5, 0.9, runs * EPOCHS),
            "train_loss": draw.uniform(0.1, 0.7, runs * EPOCHS),
        }
    )
    found: dict[str, Any] = {name: {"learning_rate": 1e-3} for name in names}
    more = {"rows": {"test": 500}, "hardware": ["made up"], "absent": [], "warnings": [], "left_out": []}
    return Panel(
        *(dataset, "tiny", "accuracy", frame_of(board, LEADERBOARD), seeds, comparisons, trials, history),
        **more,
        chosen=found,
        latency=Latency(dict.fromkeys(names, 2.5), alone=True),
    )


@pytest.fixture(scope="module")
def large(settings_of, tmp_path_factory) -> Path:
    names = [f"method-{number:03}" for number in range(METHODS)]
    datasets = tuple(f"data-set-{'x' * number}" for number in range(DATASETS))
    settings = settings_of(datasets, ("tiny",), tuple(names), tuple(range(SEEDS)), ())
    folder = tmp_path_factory.mktemp("large")
    text = page(settings, [panel(dataset, names) for dataset in datasets], Results(folder))
    write_text(folder / "index.html", text)
    return folder / "index.html"


def test_the_file_can_be_sent(large):
    assert large.stat().st_size < 25_000_000


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} does not exist")
def test_the_first_paint_comes_within_two_seconds_and_sorting_works(large):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
        tab.set_default_timeout(60_000)
        paints = []
        for _ in range(3):  # the best of three: a machine that is busy with other work is not the page
            tab.goto(large.as_uri())
            paints.append(tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        assert min(paints) < 2000
        # what it costs, whatever the machine: no elements of tabs that nobody opened, no chart library
        assert tab.evaluate("document.querySelectorAll('*').length") < ROOM_A_CELL * METHODS * (DATASETS + 6)
        assert tab.locator("#leaderboard tbody tr").count() == METHODS
        start = time.perf_counter()
        tab.locator("#leaderboard thead th", has_text="Training").get_by_role("button").click()
        assert tab.locator("#leaderboard th[aria-sort]").count() == 1
        assert time.perf_counter() - start < 5
        tab.locator("[data-filter=leaderboard]").fill("method-017")
        assert tab.locator("#leaderboard tbody tr:visible").count() == 1
        drawn = tab.locator("[data-chart][data-state]").count()
        assert drawn <= 1  # of 4000 charts, only what is on the screen
        browser.close()
