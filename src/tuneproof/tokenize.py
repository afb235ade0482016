"""Turn prepared rows into sub-token ids, once for each data set, augmentation and model.

Reads prepared (or augmented) Parquet files and a model's tokenizer; writes one Parquet file a split with `id`,
`input_ids` and, but for the test split, `labels`: no later stage but `evaluate` can see the test labels.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files, tasks
from tuneproof.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)


def run(*, task_name: str, max_length: int, model: Path, card: Path, splits: dict[str, Path], out: Path) -> None:
    """Tokenize `splits` (split name → Parquet file) into `out/<split>.parquet`.

    Raises `DataError` where a label is not among the card's, or the model folder holds no tokenizer.
    """
    import pandas as pd

    task = tasks.get(task_name)
    tokenizer = load_tokenizer(model)
    labels: list[str] = files.read_json(card)["labels"]
    for split, path in splits.items():
        frame = files.read_frame(path)
        if split == "test":
            frame = frame.drop(columns=["label", "tags"], errors="ignore")
        encoded = task.encode(tokenizer, frame, labels, max_length=max_length)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        cut = sum(length >= max_length for length in lengths)
        log.info(f"{split}: {len(lengths)} rows, {sum(lengths)} sub-tokens, {cut} rows cut at {max_length}")
        files.write_frame(out / f"{split}.parquet", pd.DataFrame({"id": frame["id"], **encoded}))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The fast tokenizer in a model folder. Raises `DataError` where there is none."""
    from transformers import AutoTokenizer

    options = {"local_files_only": True, "use_fast": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: no tokenizer can be loaded ({' '.join(str(error).split())[:200]})") from None
    if not tokenizer.is_fast:
        raise DataError(f"{folder}: its tokenizer has no fast version, which aligning words with sub-tokens needs")
    if getattr(tokenizer, "add_prefix_space", None) is False:  # byte-level BPE needs it for words given one by one
        tokenizer = AutoTokenizer.from_pretrained(folder, **options, add_prefix_space=True)
    return tokenizer
