"""Across domains: runs that were trained on one data set answer the test rows of others with the same labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.challenge.predictor import Predictor, Text
    from tuneproof.tasks.base import Task

FILE = "transfer.parquet"


class Transfer:
    """The other data sets of one cell: `look` at each run, then `write` what it answered."""

    def __init__(
        self, names: Sequence[str], prepared: Path, read: Callable[[Path], tuple[list[str], list[Text]]]
    ) -> None:
        """`prepared`: folder of this data set, beside those of the others. `read` gives ids and texts of a split."""
        self.rows = {name: read(prepared.parent / name / "test.parquet") for name in names}
        self.labels = {name: files.read_json(prepared.parent / name / "card.json")["labels"] for name in names}
        self.untried: dict[str, str] = {}
        """Data set → why it could not be answered."""
        self.frames: list[pd.DataFrame] = []

    def look(self, predictor: Predictor, seed: int) -> None:
        for name, (ids, texts) in self.rows.items():
            if self.labels[name] != predictor.labels:
                self.untried[name] = f"its labels are {', '.join(self.labels[name])}, not {', '.join(predictor.labels)}"
                continue
            frame = predictor.predict(texts).frame()
            frame.insert(0, "seed", seed)
            frame.insert(1, "test_on", name)
            frame.insert(2, "id", ids)
            self.frames.append(frame)

    def write(self, folder: Path, task: Task) -> None:
        """`transfer.parquet`: `seed`, `test_on`, `id`, then the task's answers; without rows where none was asked."""
        import pandas as pd

        columns = ("seed", "test_on", "id", *task.answers)
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        files.write_frame(folder / FILE, pd.concat(self.frames, ignore_index=True) if self.frames else empty)
