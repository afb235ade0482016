"""What surrounds the fits: a run with nothing to do, planning 10,000 runs, starting a job, waiting for the last one."""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path

from benchmarks import grid
from benchmarks.measure import seconds
from benchmarks.record import Record
from benchmarks.targets import DRY_MEMORY, DRY_SECONDS, NO_FITS, NO_OP
from tuneproof.preflight import outcome

RESULTS = Path("results")
"""Of the default experiment."""


def run(record: Record, *, repetitions: int, quick: bool) -> None:
    """`benchmarks/grid.yaml` must have been run before: that is what has nothing to do."""
    with record.part("orchestration", "no-op"):
        command = [*grid.COMMAND, "--cores", "2"]
        nothing = [seconds(command, limit=120)[0] for _ in range(repetitions)]
        imports = [sys.executable, "-c", "import torch, transformers, peft"]
        starts = [seconds(imports, limit=120)[0] for _ in range(repetitions)]
        record.add("orchestration", "no-op", {"seconds": nothing, "seconds_of_imports_alone": starts})
        record.meet(NO_OP, statistics.median(nothing))
    with record.part("orchestration", "dry run"):
        _dry_run(record, 500 if quick else 10_000)
    with record.part("orchestration", "whole run"):
        _whole_run(record)
    record.add("orchestration", "peak_memory_mb_of_runs", _memory())


def _dry_run(record: Record, runs: int) -> None:
    _, printed = seconds([sys.executable, "scripts/scale.py", str(runs)], limit=300)
    found = re.search(r"runs: (\d+) s \((\d+) s of one processor\), ([\d.]+) GiB", printed)
    if found is None:
        raise RuntimeError(f"scripts/scale.py printed {printed[-200:]!r}")
    wall, processor, memory = map(float, found.groups())
    told = {"runs": runs, "seconds": wall, "processor_seconds": processor, "gib": memory}
    record.add("orchestration", "dry run", told)
    record.meet(DRY_SECONDS, wall)
    record.meet(DRY_MEMORY, memory)


def _whole_run(record: Record) -> None:
    """The default grid takes too long to be run here: its last whole run has noted what it took."""
    last = outcome.read(RESULTS, whole=True)
    if last is None or last.seconds is None:
        raise RuntimeError("no whole run of params.yaml is on record: empty results/, then `snakemake --cores all`")
    record.add("orchestration", "whole run", last._asdict())
    record.meet(NO_FITS, 1 - last.fit_seconds / (last.cores * last.seconds))


def _memory() -> dict[str, float]:
    """Peak memory that the runs of the grid state, by cell."""
    root = grid.RESULTS / "train"
    return {
        path.parent.relative_to(root).as_posix(): json.loads(path.read_text())["peak_memory_mb"]
        for path in sorted(root.glob("*/*/*/seed-0/cost.json"))
    }
