"""The stage `augment`: training rows and new rows made of them, in one file.

Reads prepared train.parquet, and of validation and test the texts alone. Promises: the original rows are all there,
no new row repeats a training text or equals a text of validation or test, and the outcome depends on rows, options
and seed only.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import augment, files
from tuneproof.augmentation import Augmentation
from tuneproof.errors import DataError, MethodError

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 5
"""Pairs of original and new row shown in the card."""


def run(augmentation: Augmentation, name: str, task: str, prepared: Path, out: Path) -> None:
    """Write train.parquet (with `origin`: null, or the id of the row that a new one was made of) and card.json.

    Raises `MethodError` where the technique does not fit the task, or lacks something on this machine.
    """
    options = dict(augmentation.technique)
    technique = augment.get(options.pop("name"))(**options)
    if task not in technique.tasks:
        allowed = ", ".join(technique.tasks)
        raise MethodError(f"augmentations.{name}: does not work for task {task}; allowed: {allowed}")
    reason = technique.unavailable()
    if reason:
        raise MethodError(f"augmentations.{name}: {reason}")
    train = files.read_frame(prepared / "train.parquet")
    columns = [column for column in ("text", "text_pair", "tokens") if column in train.columns]
    seen = dict.fromkeys(_contents(train, columns), "repeats a training text")
    for split in ("validation", "test"):
        held_out = _read_texts(prepared / f"{split}.parquet", columns)
        seen.update((content, f"also in {split}") for content in _contents(held_out, columns))
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in train.to_dict("records")]
    shared = technique.prepare(train)
    new: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    dropped: Counter[str] = Counter()
    for row in rows:
        for copy in range(technique.copies):
            rng = random.Random(f"{augmentation.seed}:{row['id']}:{copy}")
            changed = technique.change(row, shared, rng)
            why = "nothing to change" if changed is None else seen.get(_content(changed, columns))
            if changed is None or why:
                dropped[str(why)] += 1
                continue
            seen[_content(changed, columns)] = "repeats a training text"
            new.append({**changed, "id": f"{row['id']}+{name}-{copy}", "origin": row["id"]})
            if copy == 0 and len(samples) < SAMPLES:
                samples.append({"origin": row["id"], "before": _shown(row, columns), "after": _shown(changed, columns)})
    files.write_frame(out / "train.parquet", _frame(rows, new))
    files.write_json(
        out / "card.json",
        {
            "augmentation": name,
            "technique": augmentation.technique,
            "seed": augmentation.seed,
            "task": task,
            "paper": technique.paper,
            "rows": {"original": len(rows), "new": len(new)},
            "yield": round(len(new) / (len(rows) * technique.copies), 4),
            "dropped": [{"reason": reason, "count": count} for reason, count in sorted(dropped.items())],
            "samples": samples,
        },
    )


def _frame(rows: list[dict[str, Any]], new: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame([*({**row, "origin": None} for row in rows), *new])
    frame["origin"] = frame["origin"].astype("string")  # a column of text even where no row was made
    return frame


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
