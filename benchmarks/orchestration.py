"""What surrounds the fits: a run with nothing to do, planning 10,000 runs, starting a job."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.targets import Target


def run(*, repetitions: int, quick: bool) -> tuple[dict[str, Any], list[Target]]:
    """`benchmarks/grid.yaml` must have been run before: that is what has nothing to do."""
    nothing = [_seconds(["snakemake", "--cores", "2", "--configfile", "benchmarks/grid.yaml", "--quiet", "all"])
               for _ in range(repetitions)]  # fmt: skip
    imports = [_seconds([sys.executable, "-c", "import torch, transformers, peft"]) for _ in range(repetitions)]
    runs = 500 if quick else 10_000
    printed = subprocess.run(
        [sys.executable, "scripts/scale.py", str(runs)], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"runs: (\d+) s \((\d+) s of one processor\), ([\d.]+) GiB", printed)
    assert found is not None, printed
    memory = _memory()
    raw = {
        "no_op_seconds": nothing,
        "import_seconds": imports,
        "dry_run_runs": runs,
        "dry_run_seconds": float(found[1]),
        "dry_run_processor_seconds": float(found[2]),
        "dry_run_gib": float(found[3]),
        "peak_memory_mb_of_runs": memory,
    }
    return raw, [
        Target("orchestration: seconds of a run with nothing to do", 8, statistics.median(nothing), False),
        Target(f"orchestration: seconds of a dry run of {runs} runs", 60, float(found[1]), False),
        Target(f"orchestration: GiB of a dry run of {runs} runs", 2, float(found[3]), False),
    ]


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _memory() -> dict[str, float]:
    """Peak memory that the runs of the grid state, by cell."""
    import json

    root = Path("results/benchmarks/grid/train")
    return {
        path.parent.relative_to(root).as_posix(): json.loads(path.read_text())["peak_memory_mb"]
        for path in sorted(root.glob("*/*/*/seed-0/cost.json"))
    }
