"""The stage `augment`: training rows and new rows made of them, in one file.

Reads prepared train.parquet, and of validation and test the texts alone. Promises: the original rows are all there,
no new row repeats a training text or equals a text of validation or test, and the outcome depends on rows, options
and seed only.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import augment, files
from tuneproof.augment import teacher
from tuneproof.augmentation import Augmentation
from tuneproof.errors import DataError, MethodError
from tuneproof.prepare.tags import spans

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.augment.base import Technique

SAMPLES = 5
"""Pairs of original and new row shown in the card."""


def run(augmentation: Augmentation, name: str, task: str, prepared: Path, out: Path) -> None:
    """Write train.parquet and card.json. New rows have the id of the row that they were made of (`origin`) and name and
    options of the technique as JSON (`technique`); both are null for the original rows.

    Raises `MethodError` where the technique does not fit the task, or lacks something on this machine.
    """
    options = dict(augmentation.technique)
    technique = augment.get(options.pop("name"))(**options)
    if reason := augmentation.unfit(task) or technique.unavailable():
        raise MethodError(f"augmentations.{name}: {reason}")
    train = files.read_frame(prepared / "train.parquet")
    columns = [column for column in ("text", "text_pair", "tokens") if column in train.columns]
    seen = dict.fromkeys(_contents(train, columns), "repeats a training text")
    for split in ("validation", "test"):
        held_out = _read_texts(prepared / f"{split}.parquet", columns)
        seen.update((content, f"also in {split}") for content in _contents(held_out, columns))
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in train.to_dict("records")]
    chosen = scarce(rows, augmentation.only_below)
    begun = time.perf_counter()
    made = _made(technique, chosen, technique.prepare(train), augmentation.seed)
    seconds = time.perf_counter() - begun
    filters = {} if augmentation.agreement is None else teacher.disagreeing(rows, made, augmentation.agreement)
    new: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    dropped: Counter[str] = Counter()
    written = json.dumps(augmentation.technique, sort_keys=True)
    for place, (row, copy, changed) in enumerate(made):
        why = "nothing to change" if changed is None else seen.get(_content(changed, columns)) or filters.get(place)
        if changed is None or why:
            dropped[str(why)] += 1
            continue
        seen[_content(changed, columns)] = "repeats a training text"
        new.append({**changed, "id": f"{row['id']}+{name}-{copy}", "origin": row["id"], "technique": written})
        if copy == 0 and len(samples) < SAMPLES:
            samples.append({"origin": row["id"], "before": _shown(row, columns), "after": _shown(changed, columns)})
    speed = len(made) / max(seconds, 1e-9)
    print(f"{name}: {len(new)} new rows of {len(made)} tried, {speed:,.0f} a second", file=sys.stderr)
    files.write_frame(out / "train.parquet", _frame(rows, new))
    files.write_json(
        out / "card.json",
        {
            "augmentation": name,
            "technique": augmentation.technique,
            "seed": augmentation.seed,
            "only_below": augmentation.only_below,
            "agreement": augmentation.agreement,
            "task": task,
            "paper": technique.paper,
            "rows": {"original": len(rows), "chosen": len(chosen), "new": len(new)},
            "yield": round(len(new) / len(made), 4) if made else None,
            "dropped": [{"reason": reason, "count": count} for reason, count in sorted(dropped.items())],
            "samples": samples,
        },
    )


def _made(technique: Technique, rows: list[dict[str, Any]], shared: Any, seed: int) -> list[teacher.Made]:
    """All copies of all rows; each has a random generator of its own, so that it does not depend on the others."""
    tried = [(row, copy) for row in rows for copy in range(technique.copies)]
    rngs = [random.Random(f"{seed}:{row['id']}:{copy}") for row, copy in tried]
    changed = technique.changes([row for row, _ in tried], shared, rngs)
    return [(row, copy, new) for (row, copy), new in zip(tried, changed, strict=True)]


def scarce(rows: list[dict[str, Any]], below: int | None) -> list[dict[str, Any]]:
    """Rows of classes with fewer training examples than `below` (ner: with a mention of such a type); null: all."""
    if below is None:
        return rows
    kinds = [_kinds(row) for row in rows]
    counts = Counter(kind for found in kinds for kind in found)
    return [row for row, found in zip(rows, kinds, strict=True) if any(counts[kind] < below for kind in found)]


def _kinds(row: dict[str, Any]) -> list[str]:
    return [kind for *_, kind in spans(row["tags"])] if "tags" in row else [row["label"]]


def _frame(rows: list[dict[str, Any]], new: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame([*({**row, "origin": None, "technique": None} for row in rows), *new])
    return frame.astype({"origin": "string", "technique": "string"})  # columns of text even where no row was made


def _read_texts(path: Path, columns: list[str]) -> pd.DataFrame:
    """Only these columns of a split: the labels of held-out rows are none of this stage's business."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, engine="pyarrow", columns=columns)
    except FileNotFoundError:
        raise DataError(f"{path}: file not found") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from None


def _contents(frame: pd.DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    return [_content(row, columns) for row in frame[columns].to_dict("records")]


def _content(row: Any, columns: list[str]) -> tuple[Any, ...]:
    """What makes two rows the same text, hashable."""
    return tuple(value if isinstance(value, str) else tuple(value) for value in (row[column] for column in columns))


def _plain(value: Any) -> Any:
    """Parquet gives lists as arrays; techniques work with lists."""
    return value if isinstance(value, (str, float)) else list(value)


def _shown(row: dict[str, Any], columns: list[str]) -> str:
    return " | ".join(row[column] if isinstance(row[column], str) else " ".join(row[column]) for column in columns)
