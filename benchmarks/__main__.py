"""`python -m benchmarks`: run all sections, write benchmarks/latest.json and the tables of docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import grid, inference, orchestration, page, search, step
from benchmarks.targets import Target
from tuneproof.train.device import hardware, pick_device

SECTIONS = ("step", "inference", "search", "grid", "orchestration")
PACKAGES = ("tuneproof", "torch", "transformers", "peft", "optuna", "sentence-transformers", "snakemake")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to run")
    parser.add_argument("--quick", action="store_true", help="few rows: does everything run?")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/latest.json"))
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    started, raw, targets = time.time(), dict[str, Any](), list[Target]()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        scratch = Path(folder)
        common: dict[str, Any] = {"repetitions": arguments.repetitions, "quick": arguments.quick}
        runs = {
            "step": lambda: step.run(scratch, core=cores[-1], **common),
            "inference": lambda: inference.run(scratch, core=cores[-1], **common),
            "search": lambda: search.run(scratch, quick=arguments.quick, cores=cores),
            "grid": lambda: grid.run(cores=len(cores)),
            "orchestration": lambda: orchestration.run(**common),
        }
        for name in SECTIONS:
            if name in arguments.only:
                start = time.time()
                raw[name], met = runs[name]()
                targets += met
                print(f"{name}: {time.time() - start:.0f} s", flush=True)
                for target in met:
                    print("  ", *target.line().values(), flush=True)
    found = {
        "hardware": hardware(pick_device("cpu")),
        "cores": len(cores),
        "versions": {name: version(name) for name in PACKAGES},
        "minutes": round((time.time() - started) / 60, 1),
        "quick": arguments.quick,
        "targets": [target.line() for target in targets],
        "raw": raw,
    }
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if not arguments.quick and set(arguments.only) == set(SECTIONS):
        page.write(found, Path("docs/performance.md"))


if __name__ == "__main__":
    main()
