"""A teacher's answers to the training rows, as one more column of their tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from tuneproof.train.batches import Tokens


def read(path: Path, train: Tokens) -> Tokens:
    """The rows with what stage `teach` wrote for them, as the column `targets`; as they are where it wrote no row.

    A row's target: probabilities in the order of the labels (ner: sub-tokens × labels, zero where no word starts);
    regression: a number. Raises `DataError` where the file is missing or damaged, or answers other rows.
    """
    frame = files.read_frame(path)
    if frame.empty:
        return train
    name = "probabilities" if "probabilities" in frame else "prediction"
    if name not in frame or sorted(frame.get("id", ())) != sorted(train.ids):
        raise DataError(f"{path}: not the teacher's answers to the training rows; delete it and run again")
    answers = frame.set_index("id")[name].loc[train.ids]
    return type(train)(train.ids, {**train.columns, "targets": _targets(list(answers), train.columns)})


def even(train: Tokens, labels: list[str]) -> Tokens:
    """As `read`, of a teacher without an opinion (regression: one who knows the labels), to measure costs with."""
    import numpy as np

    truth = train.columns["labels"]
    if isinstance(truth[0], float):
        found = [np.asarray(value, np.float32) for value in truth]
    elif isinstance(truth[0], int):
        found = [np.full(len(labels), 1 / len(labels), np.float32) for _ in truth]
    else:
        found = [np.full((len(row), len(labels)), 1 / len(labels), np.float32) for row in truth]
    return type(train)(train.ids, {**train.columns, "targets": found})


def _targets(answers: list[Any], columns: dict[str, list[Any]]) -> list[np.ndarray]:
    import numpy as np

    if "word_starts" not in columns:
        return [np.array(answer, np.float32) for answer in answers]
    found = []
    for answer, ids, starts in zip(answers, columns["input_ids"], columns["word_starts"], strict=True):
        words, starts = np.stack([np.asarray(word, np.float32) for word in answer]), np.asarray(starts)
        row = np.zeros((len(ids), words.shape[1]), np.float32)
        row[starts[starts >= 0]] = words[starts >= 0]
        found.append(row)
    return found
