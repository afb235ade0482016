"""Turn prepared rows into sub-token ids, once for each data set, augmentation and model.

Reads prepared (or augmented) Parquet files and a model's tokenizer; writes one Parquet file a split with `id`,
`input_ids` and, but for the test split, `labels`: no later stage but `evaluate` can see the test labels. `card.json`
says how many texts are cut and how many sub-tokens are unknown to the model.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedTokenizerBase

    from tuneproof.tasks.base import Task

log = logging.getLogger(__name__)

MANY = 0.05
"""Share of cut texts, or of unknown sub-tokens, above which the card warns."""


def run(*, task_name: str, max_length: int, model: Path, card: Path, splits: dict[str, Path], out: Path) -> None:
    """Tokenize `splits` (split name → Parquet file) into `out/<split>.parquet`, and write `out/card.json`.

    Raises `DataError` where a label is not among the card's, or the model folder holds no tokenizer.
    """
    import pandas as pd

    task = tasks.get(task_name)
    tokenizer = load_tokenizer(model)
    labels: list[str] = files.read_json(card)["labels"]
    counted: dict[str, dict[str, Any]] = {}
    for split, path in splits.items():
        frame = files.read_frame(path)
        if split == "test":
            frame = frame.drop(columns=["label", "tags"], errors="ignore")
        encoded = task.encode(tokenizer, frame, labels, max_length=max_length)
        at_limit = [len(ids) >= max_length for ids in encoded["input_ids"]]
        truncated = _longer(task, tokenizer, frame[at_limit], labels, max_length)
        counted[split] = one = counts(encoded["input_ids"], truncated, tokenizer.unk_token_id)
        log.info(f"{split}: {one['rows']} rows, {one['sub_tokens']} sub-tokens, {truncated} rows cut at {max_length}")
        files.write_frame(out / f"{split}.parquet", pd.DataFrame({"id": frame["id"], **encoded}))
    content = {"max_length": max_length, "splits": counted, "warnings": warnings(counted, max_length)}
    files.write_json(out / "card.json", content)


def counts(rows: list[list[int]], truncated: int, unknown: int | None) -> dict[str, Any]:
    """`rows`, `sub_tokens` (special ones included), `truncated` rows, `unknown` sub-tokens, and both as shares, 0 to 1.

    `unknown` is the tokenizer's id for what it does not know; the count is None where it has none.
    """
    total = sum(map(len, rows))
    found = None if unknown is None else sum(list(ids).count(unknown) for ids in rows)
    return {
        "rows": len(rows),
        "sub_tokens": total,
        "truncated": truncated,
        "share_truncated": round(truncated / len(rows), 4) if rows else 0.0,
        "unknown": found,
        "share_unknown": None if found is None else round(found / total, 4) if total else 0.0,
    }


def warnings(counted: dict[str, dict[str, Any]], max_length: int) -> list[str]:
    """What a person should look at, one line each."""
    told = []
    for split, one in counted.items():
        if one["share_truncated"] > MANY:
            told.append(
                f"{one['share_truncated']:.1%} of {split} texts are cut at {max_length} sub-tokens (max_length)"
            )
        if (one["share_unknown"] or 0.0) > MANY:
            told.append(f"{one['share_unknown']:.1%} of the sub-tokens of {split} are unknown to this model")
    return told


def _longer(
    task: Task, tokenizer: PreTrainedTokenizerBase, frame: pd.DataFrame, labels: list[str], max_length: int
) -> int:
    """How many of the rows that reach the limit go beyond it."""
    if frame.empty:
        return 0
    whole = task.encode(tokenizer, frame.reset_index(drop=True), labels, max_length=max_length + 1)
    return sum(len(ids) > max_length for ids in whole["input_ids"])


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
