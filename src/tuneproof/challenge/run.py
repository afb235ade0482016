"""Stage `challenge`: the stored runs of one cell (dataset × model × method) answer changed test texts.

Reads checkpoints and the texts of the test split, never its labels. Writes `predictions.parquet` (`seed`, `challenge`,
`id`, `changed`: whether the shift found something to change in this row, then the task's answers), the tables of what
is found inside the models (inside.py), of declared checks (checks.py) and of other data sets' rows (transfer.py),
`challenge.json` (what was asked) and `cost.json` (latency). Rows, shifts and their seeds are the same for all methods
of a data set, so that they are compared on the same changed texts. A cell that was left out gives tables without rows,
and the reason.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, tasks
from tuneproof.challenge import UNCHANGED, checks, inside, rewrites, shifts, transfer
from tuneproof.challenge.predictor import Predictor, Text
from tuneproof.errors import DataError, MethodError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

COLUMNS = ("seed", "challenge", "id", "changed")
"""Columns beside the task's answers."""
BATCHES = {1: 20, 32: 5}
"""Texts answered together → how often, for the latency."""


class Asked(NamedTuple):
    """Some test rows as one challenge has them."""

    challenge: str
    texts: list[Text]
    changed: list[bool]


def run(settings: dict[str, Any], prepared: Path, runs: Path, model: Path, out: Path, *, timed: bool = True) -> None:
    """Answer and write everything below `out`.

    `settings`: `task`, `max_length`, `rows`, `seed` (of the choice of rows), `seeds` (of the runs), `shifts` (name →
    strength), `unavailable` (name of a shift → why it cannot be made here), `checks` (name → check), `also_test_on`
    (names of data sets whose folders lie beside `prepared`), and what inside.py asks for. `runs` holds `seed-N`
    folders, `model` is the folder of the pre-trained model; `timed`: whether latency is measured. Raises `DataError`
    where a file is missing or damaged.
    """
    import pandas as pd

    start = time.perf_counter()
    task = tasks.get(settings["task"])
    ids, texts = chosen(prepared / "test.parquet", settings["rows"], seed=settings["seed"])
    asked = list(challenges(ids, texts, settings["shifts"]))
    about = {"rows": len(ids), **{name: settings[name] for name in ("seeds", "shifts", "unavailable")}}
    about |= {name: settings[name] for name in ("checks", "also_test_on")}
    behaviour = checks.Checks(settings["checks"], texts)
    elsewhere = transfer.Transfer(settings["also_test_on"], prepared, everything)
    cost: dict[str, Any] = {}
    training = partial(chosen, prepared / "train.parquet", seed=settings["seed"])
    within = inside.Inside(settings, (ids, texts), training, model)
    try:
        frames = []
        for seed in settings["seeds"]:
            predictor = Predictor.load(runs / f"seed-{seed}", model, max_length=settings["max_length"])
            frames += [_answers(predictor, ids, one, seed) for one in asked]
            behaviour.look(predictor, seed)
            elsewhere.look(predictor, seed)
            if timed and not cost:
                cost = latency(predictor, texts)
            within.look(predictor, seed, runs / f"seed-{seed}")
        about["notes"] = within.notes
        about |= {"unchecked": behaviour.unchecked, "untried": elsewhere.untried}
        predictions = pd.concat(frames, ignore_index=True)
    except MethodError as error:
        reason = " ".join(str(error).split())
        log.info(f"left out: {reason}")
        predictions = pd.DataFrame({name: pd.Series(dtype=object) for name in (*COLUMNS, *task.answers)})
        about, cost, behaviour.frames, elsewhere.frames = {"left_out": reason}, {}, [], []
    files.write_frame(out / "predictions.parquet", predictions)
    behaviour.write(out)
    elsewhere.write(out, task)
    within.write(out)
    files.write_json(out / "challenge.json", about)
    files.write_json(out / "cost.json", cost and {**cost, "seconds": round(time.perf_counter() - start, 3)})


def chosen(split: Path, rows: int, *, seed: int) -> tuple[list[str], list[Text]]:
    """Ids and texts of so many rows of a split, drawn by `seed`, in the file's order; labels are not read."""
    frame = _texts(split)
    places = sorted(random.Random(f"challenge:{seed}").sample(range(len(frame)), min(rows, len(frame))))
    return _read(frame.iloc[places])


def everything(split: Path) -> tuple[list[str], list[Text]]:
    """Ids and texts of all rows of a split; labels are not read."""
    return _read(_texts(split))


def _read(part: pd.DataFrame) -> tuple[list[str], list[Text]]:
    texts: list[Text]
    if "tokens" in part:
        texts = [list(words) for words in part["tokens"]]
    elif "text_pair" in part:
        texts = list(zip(part["text"], part["text_pair"], strict=True))
    else:
        texts = list(part["text"])
    return list(part["id"]), texts


def challenges(ids: Sequence[str], texts: Sequence[Text], wanted: dict[str, float]) -> list[Asked]:
    """The texts as they are, then after each shift. What changes in a row depends on its id, shift and strength."""
    found = [Asked(UNCHANGED, list(texts), [False] * len(texts))]
    for name, strength in wanted.items():
        if name in rewrites.REWRITES:
            after = rewrites.rewritten(name, texts, strength, keys=ids)
        else:
            after = [shifts.shifted(name, text, strength, key=row) for row, text in zip(ids, texts, strict=True)]
        found.append(Asked(name, after, [one != other for one, other in zip(texts, after, strict=True)]))
    return found


def latency(predictor: Predictor, texts: Sequence[Text]) -> dict[str, Any]:
    """Median milliseconds from texts to answers, in batches of 1 and of 32, and on what hardware.

    The texts are taken in turn and over again; the first batch of each size is not counted. Tokenizing is.
    """
    from tuneproof.train import device

    found = {}
    for size, repetitions in BATCHES.items():
        seconds = []
        for repetition in range(repetitions + 1):
            batch = [texts[(repetition * size + place) % len(texts)] for place in range(size)]
            start = time.perf_counter()
            predictor.predict(batch)
            seconds.append(time.perf_counter() - start)
        found[str(size)] = round(1000 * median(seconds[1:]), 3)
    where = predictor.model.device
    return {
        "latency_ms": found,
        "repetitions": {str(size): count for size, count in BATCHES.items()},
        "device": where.type,
        "hardware": device.hardware(where),
        "precision": predictor.precision,
    }


def _answers(predictor: Predictor, ids: list[str], asked: Asked, seed: int) -> pd.DataFrame:
    import pandas as pd

    columns = ([seed] * len(ids), [asked.challenge] * len(ids), ids, asked.changed)
    return pd.concat(
        [pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))), predictor.predict(asked.texts).frame()], axis=1
    )


def _texts(path: Path) -> pd.DataFrame:
    """Id and texts of a split, and no label."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        there = set(pq.read_schema(path).names)
        columns = [column for column in ("id", "text", "text_pair", "tokens") if column in there]
        frame = pd.read_parquet(path, engine="pyarrow", columns=columns, page_checksum_verification=True)
    except FileNotFoundError:
        raise DataError(f"{path}: file not found") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from None
    if not len(frame):
        raise DataError(f"{path}: no rows")
    return frame
