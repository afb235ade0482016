"""Tokenized rows in memory, and batches of them that waste little padding.

Rows are shuffled, then sorted by length inside large chunks, cut into batches, and the batches are shuffled again:
rows of a batch have about the same length, and still every epoch has another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.tasks.ner import IGNORED

if TYPE_CHECKING:
    import numpy as np
    import torch

CHUNK = 32
"""Batches that are sorted together: large enough that padding is rare, small enough that orders differ."""


@dataclass(frozen=True)
class Tokens:
    """One split: a list entry an example."""

    ids: list[str]
    columns: dict[str, list[Any]]

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Read what `tokenize` wrote. Raises `DataError` for a missing or broken file."""
        frame = files.read_frame(path)
        return cls(list(frame["id"]), {name: list(frame[name]) for name in frame.columns if name != "id"})

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self.columns["input_ids"]]

    def __len__(self) -> int:
        return len(self.ids)

    def counted(self, rows: np.ndarray | list[int]) -> int:
        """How many labels the mean loss of these rows is over; at least 1."""
        labels = self.columns["labels"]
        if isinstance(labels[0], int | float):
            return len(rows)
        return max(1, sum(int((labels[row] != IGNORED).sum()) for row in rows))

    def collate(self, rows: np.ndarray | list[int], pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
        """A padded batch: `input_ids`, `attention_mask`, `token_type_ids` and `labels` where the split has them."""
        import numpy as np
        import torch

        width = max(len(self.columns["input_ids"][row]) for row in rows)
        batch: dict[str, torch.Tensor] = {}
        for name, padding in (("input_ids", pad_id), ("token_type_ids", 0), ("labels", IGNORED)):
            if name not in self.columns:
                continue
            values = [self.columns[name][row] for row in rows]
            if isinstance(values[0], float):
                batch[name] = torch.tensor(values, dtype=torch.float32)
            elif isinstance(values[0], int):
                batch[name] = torch.tensor(values, dtype=torch.long)
            else:
                padded = torch.full((len(values), width), padding, dtype=torch.long)
                for line, value in zip(padded, values, strict=True):
                    line[: len(value)] = torch.from_numpy(np.array(value))
                batch[name] = padded
        lengths = torch.tensor([len(self.columns["input_ids"][row]) for row in rows])
        batch["attention_mask"] = (torch.arange(width)[None, :] < lengths[:, None]).long()
        if device.type == "cuda":  # a copy from pinned memory goes on while the GPU computes
            batch = {name: tensor.pin_memory() for name, tensor in batch.items()}
        return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}

    def targets(self, rows: np.ndarray | list[int], device: torch.device) -> torch.Tensor | None:
        """A teacher's answers to these rows, padded with zeros as `collate` pads; None where there is no teacher.

        Rows × labels, rows × sub-tokens × labels (ner), or rows (regression).
        """
        import torch

        if "targets" not in self.columns:
            return None
        values = [torch.as_tensor(self.columns["targets"][row]) for row in rows]
        padded = torch.nn.utils.rnn.pad_sequence(values, batch_first=True) if values[0].ndim else torch.stack(values)
        return padded.to(device)


def shuffled(lengths: list[int], batch_size: int, seed: int) -> list[np.ndarray]:
    """Row numbers of each batch of one epoch; each row exactly once, the last batch may be smaller."""
    import numpy as np

    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches: list[np.ndarray] = []
    for start in range(0, len(order), batch_size * CHUNK):
        chunk = order[start : start + batch_size * CHUNK]
        chunk = chunk[np.argsort(sizes[chunk], kind="stable")]
        batches.extend(chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size))
    return [batches[i] for i in generator.permutation(len(batches))]


def by_length(lengths: list[int], batch_size: int) -> list[np.ndarray]:
    """Row numbers in batches from short to long, for prediction, where order does not matter."""
    import numpy as np

    order = np.argsort(np.asarray(lengths), kind="stable")
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
