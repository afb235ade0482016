"""Named entity recognition: one tag a word (IOB2), the loss on a word's first sub-token; entity-level F1.

A prediction counts where type and both borders are right (seqeval, strict IOB2; Nakayama 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tuneproof.tasks.base import Score, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase

IGNORED = -100


class Ner(Task):
    name = "ner"
    auto_class = "AutoModelForTokenClassification"
    peft_type = "TOKEN_CLS"
    primary = "entity_f1"
    columns = ("tokens", "tags")

    def labels(self, train: pd.DataFrame) -> list[str]:
        types = sorted({tag[2:] for tags in train["tags"] for tag in tags if tag != "O"})
        return ["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]

    def encode(
        self, tokenizer: PreTrainedTokenizerBase, frame: pd.DataFrame, labels: list[str], *, max_length: int
    ) -> dict[str, list[Any]]:
        """Adds `word_starts`: the position of each word's first sub-token, −1 where it was cut off or gave none."""
        encoded = tokenizer(
            [list(tokens) for tokens in frame["tokens"]],
            is_split_into_words=True,
            truncation=True,
            max_length=max_length,
            padding=False,
        )
        columns: dict[str, list[Any]] = {key: encoded[key] for key in ("input_ids", "token_type_ids") if key in encoded}
        columns["word_starts"] = [
            _word_starts(encoded.word_ids(row), len(tokens)) for row, tokens in enumerate(frame["tokens"])
        ]
        if "tags" in frame:
            index = {label: i for i, label in enumerate(labels)}
            columns["labels"] = [
                _label_row(ids, starts, [index[tag] for tag in tags])
                for ids, starts, tags in zip(columns["input_ids"], columns["word_starts"], frame["tags"], strict=True)
            ]
        return columns

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        flat = labels.view(-1)
        counted = flat != IGNORED
        # the head's softmax is taken only where a label counts: most positions are padding or later sub-tokens
        return cross_entropy(logits.reshape(-1, logits.shape[-1])[counted].float(), flat[counted])

    def decode(self, logits: list[np.ndarray], encoded: dict[str, Any], labels: list[str]) -> dict[str, list[Any]]:
        import numpy as np
        from scipy.special import softmax

        outside = np.zeros(len(labels), np.float32)
        outside[0] = 1.0  # a word that the model never saw is no entity
        rows = []
        for values, starts in zip(logits, encoded["word_starts"], strict=True):
            probabilities = softmax(values.astype(np.float64), axis=-1).astype(np.float32)
            rows.append(np.stack([probabilities[start] if start >= 0 else outside for start in starts]))
        return _pick(rows, labels)

    def combine(self, members: list[pd.DataFrame], weights: list[float], labels: list[str]) -> dict[str, list[Any]]:
        import numpy as np

        columns = [list(member["probabilities"]) for member in members]
        rows = [
            np.average([np.stack(list(member[row])) for member in columns], axis=0, weights=weights).astype(np.float32)
            for row in range(len(columns[0]))
        ]
        return _pick(rows, labels)

    def scores(self, labels: Sequence[str] | None = None) -> dict[str, Score]:
        return {
            "entity_f1": Score(_entity_counts, _f1),
            "entity_precision": Score(_entity_counts, _precision),
            "entity_recall": Score(_entity_counts, _recall),
        }


def entities(tags: Sequence[str]) -> frozenset[tuple[str, int, int]]:
    """(type, first word, last word) of each entity under strict IOB2: an `I-` that continues nothing is none."""
    return _entities(tuple(tags))


@lru_cache(maxsize=1 << 16)
def _entities(tags: tuple[str, ...]) -> frozenset[tuple[str, int, int]]:
    """Remembered, as gold tags are read with every run, and most runs answer most sentences alike."""
    from seqeval.scheme import IOB2, Entities

    # seqeval's strict reading, with the sentence number dropped
    return frozenset((entity.tag, entity.start, entity.end - 1) for entity in Entities([list(tags)], IOB2).entities[0])


def _word_starts(word_ids: list[int | None], words: int) -> list[int]:
    starts = [-1] * words
    for position, word in reversed(list(enumerate(word_ids))):
        if word is not None:
            starts[word] = position
    return starts


def _label_row(input_ids: list[int], starts: list[int], tags: list[int]) -> list[int]:
    row = [IGNORED] * len(input_ids)
    for start, tag in zip(starts, tags, strict=True):
        if start >= 0:
            row[start] = tag
    return row


def _pick(rows: list[np.ndarray], labels: list[str]) -> dict[str, list[Any]]:
    return {
        "prediction": [valid_tags([labels[i] for i in row.argmax(axis=-1)]) for row in rows],
        "probabilities": [list(row) for row in rows],
    }


def valid_tags(tags: list[str]) -> list[str]:
    """Make a tag sequence valid IOB2: an `I-x` that does not continue an `x` starts one."""
    repaired: list[str] = []
    for tag in tags:
        before = repaired[-1] if repaired else "O"
        repaired.append(f"B-{tag[2:]}" if tag.startswith("I-") and before[2:] != tag[2:] else tag)
    return repaired


def _entity_counts(gold: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    """A sentence a row: entities found, predicted, true."""
    import numpy as np

    rows = []
    for truth, guess in zip(gold["tags"], predicted["prediction"], strict=True):
        true, guessed = entities(truth), entities(guess)
        rows.append((len(true & guessed), len(guessed), len(true)))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part ÷ whole, 0 where whole is 0 (as seqeval and scikit-learn do)."""
    import numpy as np

    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)


def _f1(sums: np.ndarray) -> np.ndarray:
    return _ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _precision(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 0], sums[..., 1])


def _recall(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 0], sums[..., 2])
