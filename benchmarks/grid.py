"""A whole grid: `snakemake` on benchmarks/grid.yaml against the straightforward script, with the scores of both."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.targets import Target

EXPERIMENT = "benchmarks/grid.yaml"
RESULTS = Path("results/benchmarks/grid")


def run(*, cores: int) -> tuple[dict[str, Any], list[Target]]:
    for folder in (RESULTS, Path("logs") / RESULTS):
        shutil.rmtree(folder, ignore_errors=True)
    command = ["snakemake", "--cores", str(cores), "--configfile", EXPERIMENT, "--quiet", "all"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ours = time.perf_counter() - start
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores)}
    plain = subprocess.run(
        [sys.executable, "-m", "benchmarks.plain", EXPERIMENT],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    theirs = json.loads(plain.stdout.splitlines()[-1])
    scores = _scores()
    apart = [
        name
        for name, entry in theirs["cells"].items()
        if not scores[name]["low"] <= statistics.mean(entry["test"]) <= scores[name]["high"]
    ]
    computing = sum(_computing())
    raw = {
        "tuneproof_seconds": ours,
        "script_seconds": theirs["seconds"],
        "computing_seconds": computing,
        "tuneproof": scores,
        "script": theirs["cells"],
        "outside_our_interval": apart,
    }
    return raw, [
        Target("whole grid: times the straightforward script's speed", 4.0, theirs["seconds"] / ours),
        Target("whole grid: cells where the script's score lies outside our 95 % interval", 0, len(apart), False),
        Target("orchestration: share of time not spent on fits", 0.08, 1 - computing / (cores * ours), False),
    ]


def _scores() -> dict[str, dict[str, float]]:
    import pandas as pd

    board = pd.read_csv(RESULTS / "report" / "leaderboard.csv")
    scores = board[board["kind"] == "method"].set_index(["dataset", "method"])[["value", "low", "high"]]
    return {"/".join(key): row.to_dict() for key, row in scores.iterrows()}


def _computing() -> list[float]:
    """Seconds of every search and run, as they state them."""
    costs = [json.loads(path.read_text()) for path in RESULTS.glob("train/*/*/*/seed-*/cost.json")]
    searches = [json.loads(path.read_text()) for path in RESULTS.glob("search/*/*/*/cost.json")]
    return [cost["train_seconds"] + cost["predict_seconds"] for cost in costs] + [cost["seconds"] for cost in searches]
