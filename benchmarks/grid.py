"""A whole grid: `snakemake` on benchmarks/grid.yaml against the straightforward script, with the scores of both."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import seconds
from benchmarks.record import Record
from benchmarks.targets import GRID_SCORES, GRID_SPEED

EXPERIMENT = "benchmarks/grid.yaml"
RESULTS = Path("results/benchmarks/grid")
COMMAND = [sys.executable, "-m", "snakemake", "--configfile", EXPERIMENT, "--quiet", "all"]
LIMIT = 900
"""Seconds that either of the two may take."""


def run(record: Record, *, cores: int) -> None:
    for folder in (RESULTS, Path("logs") / RESULTS):
        shutil.rmtree(folder, ignore_errors=True)
    ours, _ = seconds([*COMMAND, "--cores", str(cores)], limit=LIMIT)
    computing, scores = sum(_computing()), _scores()
    record.add("grid", "tuneproof", {"seconds": ours, "cores": cores, "fit_seconds": computing, "cells": scores})
    script = [sys.executable, "-m", "benchmarks.plain", EXPERIMENT]
    _, printed = seconds(script, limit=LIMIT, environment={**os.environ, "OMP_NUM_THREADS": str(cores)})
    theirs = json.loads(printed.splitlines()[-1])
    apart = [name for name, entry in theirs["cells"].items() if not _alike(scores[name], entry)]
    record.add("grid", "script", {**theirs, "apart": apart})
    record.meet(GRID_SPEED, theirs["seconds"] / ours)
    record.meet(GRID_SCORES, len(apart))


def _alike(ours: dict[str, float], theirs: dict[str, Any]) -> bool:
    """Whether each score lies in the other's interval."""
    mean = statistics.mean(theirs["test"])
    return ours["low"] <= mean <= ours["high"] and theirs["low"] <= ours["value"] <= theirs["high"]


def _scores() -> dict[str, dict[str, float]]:
    import pandas as pd

    board = pd.read_csv(RESULTS / "report" / "leaderboard.csv")
    return {
        f"{row['dataset']}/{row['method']}": {name: float(row[name]) for name in ("value", "low", "high")}
        for _, row in board[board["kind"] == "method"].iterrows()
    }


def _computing() -> list[float]:
    """Seconds of every search and run, as they state them."""
    costs = [json.loads(path.read_text()) for path in RESULTS.glob("train/*/*/*/seed-*/cost.json")]
    searches = [json.loads(path.read_text()) for path in RESULTS.glob("search/*/*/*/cost.json")]
    return [cost["train_seconds"] + cost["predict_seconds"] for cost in costs] + [cost["seconds"] for cost in searches]
