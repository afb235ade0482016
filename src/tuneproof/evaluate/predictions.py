"""Reads predictions and puts them beside the prepared rows that they answer.

Promises that the k-th prediction answers the k-th prepared row of the split, whatever the order in the file. A file
without rows is that of a run whose method does not fit the model: it is passed over, and named in the log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.errors import DataError
from tuneproof.files import read_frame

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

SPLITS = ("validation", "test")


def read_prepared(prepared: Path) -> dict[str, pd.DataFrame]:
    """The splits that runs are judged on, as `prepare` wrote them."""
    return {split: read_frame(prepared / f"{split}.parquet") for split in SPLITS}


def answering(predictions: dict[str, Path]) -> dict[str, Path]:
    """The runs and ensembles that answer anything; the log names the others, which were left out."""
    found = {name: path for name, path in predictions.items() if len(read_frame(path))}
    for name in [name for name in predictions if name not in found]:
        log.info(f"left out: {name} has no predictions")
    return found


class Answers(NamedTuple):
    """What the runs and ensembles of a data set and model answered, by name."""

    answers: dict[str, dict[str, pd.DataFrame]]
    """Predictions of each split, in the order of its prepared rows."""
    faults: dict[str, str]
    """Why the others cannot be judged: no file, or answers to other rows."""


def read_all(predictions: dict[str, Path], prepared: dict[str, pd.DataFrame]) -> Answers:
    """Read every file that is there; one that cannot be judged does not keep the others from being.

    Files without rows are left out. Raises `DataError` where a file is damaged: its run has to be done again.
    """
    found = Answers({}, {})
    for name, path in answering({name: path for name, path in predictions.items() if path.exists()}).items():
        try:
            found.answers[name] = read(path, prepared)
        except OtherRowsError as error:
            found.faults[name] = str(error).removeprefix(f"{path}: ")
    for name, path in predictions.items():
        if not path.exists():
            found.faults[name] = "no predictions file"
    for name, fault in found.faults.items():
        log.warning(f"{predictions[name]}: not evaluated: {fault}")
    return found


class OtherRowsError(DataError):
    """Predictions that do not answer the prepared rows."""


def read(path: Path, prepared: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Predictions of each split, in the order of its prepared rows. Raises `OtherRowsError` where the ids differ."""
    frame = read_frame(path)
    for column in ("id", "split", "prediction"):
        if column not in frame:
            raise OtherRowsError(f"{path}: no column {column}; columns found: {', '.join(map(str, frame.columns))}")
    return {split: _aligned(path, split, frame[frame["split"] == split], rows) for split, rows in prepared.items()}


def _aligned(path: Path, split: str, found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    found = found.set_index("id", drop=False)
    for what, ids in (
        ("twice", found.index[found.index.duplicated()]),
        ("missing", rows["id"][~rows["id"].isin(found.index)]),
        ("not among the prepared rows", found.index[~found.index.isin(rows["id"])]),
    ):
        if len(ids):
            raise OtherRowsError(
                f"{path}: split {split}: {len(ids)} of {len(rows)} ids {what}, as {ids.tolist()[0]!r}; "
                "the predictions were made from other data: run train again"
            )
    return found.loc[rows["id"]].reset_index(drop=True)
