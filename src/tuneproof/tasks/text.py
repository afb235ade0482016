"""What tasks on one text or a pair of texts share: tokenizing and the sequence head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedTokenizerBase


def encode_text(tokenizer: PreTrainedTokenizerBase, frame: pd.DataFrame, *, max_length: int) -> dict[str, list[Any]]:
    """Sub-token ids of `text` (and `text_pair` where the frame has it), cut at `max_length`, without padding."""
    pair = list(frame["text_pair"]) if "text_pair" in frame else None
    encoded = tokenizer(list(frame["text"]), pair, truncation=True, max_length=max_length, padding=False)
    return {key: encoded[key] for key in ("input_ids", "token_type_ids") if key in encoded}
