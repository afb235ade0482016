"""How fast `prepare` reads a large CSV file, and in how much memory.

`python -m benchmarks.prepare FILE OUT` prepares one file that `write` wrote, and prints its peak memory in GiB.
"""

from __future__ import annotations

import csv
import random
import resource
import sys
from pathlib import Path

from benchmarks.measure import seconds
from benchmarks.record import Record
from benchmarks.targets import PREPARE_MEMORY, PREPARE_SECONDS

ROWS = 1_000_000
VOCABULARY = (
    "the a of film plot acting was is and it this that really quite never always boring brilliant director scene story "
    "character ending script dialogue music watch again time money waste love hate beautiful terrible slow fast long"
)


def run(record: Record, scratch: Path, *, core: int, quick: bool) -> None:
    """A process of its own, as the stage is, on one core; its start and the writing of results are counted."""
    rows = ROWS // 100 if quick else ROWS
    with record.part("prepare", "csv"):
        path = scratch / "rows.csv"
        write(path, rows)
        here = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.prepare"]
        command = [*here, str(path), str(scratch / "out")]
        took, printed = seconds(command, limit=900)
        gib = float(printed.split()[-1])
        found = {"rows": rows, "megabytes": path.stat().st_size / 1e6, "seconds": took, "gib": gib}
        record.add("prepare", "csv", found)
        record.meet(PREPARE_SECONDS, took)
        record.meet(PREPARE_MEMORY, gib)


def write(path: Path, rows: int, seed: int = 0) -> None:
    """Texts of about 100 characters, one in four with commas or quotation marks, one in fifty not ASCII, two labels."""
    rng = random.Random(seed)
    plain = VOCABULARY.split()
    words = [*plain, *(first + second for first in plain for second in ("ly", "ness", "ing"))]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(rows):
            text = " ".join(rng.choices(words, k=14))
            kind = rng.random()
            if kind < 0.2:
                text = text.replace(" ", ", ", 2)
            elif kind < 0.25:
                text += ' He said "no".'
            elif kind < 0.27:
                text += " — naïve"
            writer.writerow([text, ("negative", "positive")[number % 2]])


def main(path: Path, out: Path) -> None:
    """Prepare the file into `out`."""
    from tuneproof.dataset import Dataset
    from tuneproof.fetch import fetch_data
    from tuneproof.prepare import run as prepare

    about = {"task": "classification", "source": {"path": str(path)}, "format": {"kind": "csv"}}
    dataset = Dataset.model_validate(about)
    prepare.run(dataset, "rows", fetch_data(dataset.source, out), out)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
