"""How many sentences a second each augmentation technique changes on one core, reading its dictionary included.

`python -m benchmarks.augment FILE` prints that for the texts of a JSON file.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import seconds
from benchmarks.record import Record
from benchmarks.rows import load
from benchmarks.targets import EDA_SPEED

TECHNIQUES = ("eda", "synonym", "aeda", "noise", "tfidf")
TEXTS = 10_000


def run(record: Record, scratch: Path, *, core: int, quick: bool) -> None:
    """Snippets of movie reviews, in a process of its own on one core; the time is the processor's."""
    with record.part("augment", "movie"):
        path = scratch / "texts.json"
        path.write_text(json.dumps(texts(scratch, TEXTS // 10 if quick else TEXTS)))
        here = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.augment"]
        _, printed = seconds([*here, str(path)], limit=300)
        found = json.loads(printed.splitlines()[-1])
        record.add("augment", "movie", found)
        record.meet(EDA_SPEED, found["eda"]["sentences_per_second"])


def texts(scratch: Path, count: int) -> list[str]:
    """Different texts of all three splits."""
    import pandas as pd

    load("medium", 1, scratch)
    splits = [scratch / "medium" / f"{split}.parquet" for split in ("train", "validation", "test")]
    return [text for split in splits for text in pd.read_parquet(split, columns=["text"])["text"]][:count]


def speed(name: str, rows: list[dict[str, Any]]) -> dict[str, float]:
    """`sentences_per_second` of processor time, and the share of them that was `changed`."""
    import pandas as pd

    from tuneproof import augment

    train, technique = pd.DataFrame(rows), augment.get(name)()
    begun = time.process_time()
    shared = technique.prepare(train)
    made = technique.changes(rows, shared, [random.Random(row["id"]) for row in rows])
    took = time.process_time() - begun
    return {"sentences_per_second": len(rows) / took, "changed": sum(row is not None for row in made) / len(rows)}


def main(path: Path) -> None:
    """Print a line of JSON: technique → its speed; `sentences`: how many there were."""
    rows = [{"id": str(place), "text": text} for place, text in enumerate(json.loads(path.read_text()))]
    print(json.dumps({"sentences": len(rows), **{name: speed(name, rows) for name in TECHNIQUES}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
