"""`python -m benchmarks`: run all sections, write benchmarks/latest.json and the tables of docs/performance.md.

What was measured is on disk after each piece; a piece that fails is listed with its reason, and the others go on. The
exit code is 1 where one failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import augment, grid, inference, orchestration, page, prepare, probe, search, step
from benchmarks.record import Record
from benchmarks.targets import TARGETS
from tuneproof.train.device import NATIVE_BF16, cpu_flags, hardware, pick_device

SECTIONS = ("step", "probe", "inference", "search", "grid", "orchestration", "prepare", "augment")
PACKAGES = ("tuneproof", "torch", "transformers", "peft", "optuna", "accelerate", "sentence-transformers", "snakemake")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to run")
    parser.add_argument("--quick", action="store_true", help="few rows: does everything run?")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/latest.json"))
    arguments = parser.parse_args()
    chosen = [name for name in SECTIONS if name in arguments.only]
    record = _record(arguments.out, chosen, quick=arguments.quick)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        runs = _runs(record, Path(folder), repetitions=arguments.repetitions, quick=arguments.quick)
        for name in chosen:
            print(name, flush=True)
            with record.section(name):
                runs[name]()
            print(f"{name}: {record.seconds[name]:.0f} s", flush=True)
    record.complete = True
    record.write()
    if not arguments.quick and chosen == list(SECTIONS):
        page.write(record.content(), Path("docs/performance.md"))
    for reason in record.failed.items():
        print("failed:", *reason, file=sys.stderr)
    sys.exit(1 if record.failed else 0)


def _precisions() -> list[str]:
    return ["fp32", "bf16"] if cpu_flags() & NATIVE_BF16 else ["fp32"]


def _record(path: Path, sections: list[str], *, quick: bool) -> Record:
    """An empty record. Promises for bf16 hold where the processor multiplies it natively."""
    native = "bf16" in _precisions()
    about = {
        "hardware": hardware(pick_device("cpu")),
        "cores": len(os.sched_getaffinity(0)),
        "native_bf16": native,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "quick": quick,
    }
    targets = [target for target in TARGETS if target.section in sections and (native or "bf16" not in target.name)]
    return Record(path, targets, about)


def _runs(record: Record, scratch: Path, *, repetitions: int, quick: bool) -> dict[str, Callable[[], None]]:
    cores = sorted(os.sched_getaffinity(0))
    common: dict[str, Any] = {"repetitions": repetitions, "quick": quick}
    one_core: dict[str, Any] = {"core": cores[-1], "precisions": _precisions()}
    return {
        "step": lambda: step.run(record, scratch, **one_core, **common),
        "probe": lambda: probe.run(record, scratch, core=cores[-1], quick=quick),
        "inference": lambda: inference.run(record, scratch, **one_core, **common),
        "search": lambda: search.run(record, scratch, quick=quick, cores=cores),
        "grid": lambda: grid.run(record, cores=len(cores)),
        "orchestration": lambda: orchestration.run(record, **common),
        "prepare": lambda: prepare.run(record, scratch, core=cores[-1], quick=quick),
        "augment": lambda: augment.run(record, scratch, core=cores[-1], quick=quick),
    }


if __name__ == "__main__":
    main()
