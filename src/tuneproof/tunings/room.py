"""Room for virtual tokens beside a text: both share the model's table of positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.errors import MethodError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SHORTEST = 16
"""Sub-tokens that must still fit beside the virtual ones for the method to make sense."""


def longest(model: PreTrainedModel, tokens: int) -> int | None:
    """How many sub-tokens fit beside the virtual ones; None where positions are not embedded in a table."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's positions start behind the padding index, BERT's at 0
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - first - tokens
    return None


def misfit(model: PreTrainedModel, tokens: int) -> str | None:
    """Why so many virtual tokens make no sense, or None."""
    room = longest(model, tokens)
    if room is None or room >= _SHORTEST:
        return None
    return f"{tokens} virtual tokens leave {max(room, 0)} positions for text; needed: {_SHORTEST}"


def check(length: int, tokens: int, room: int | None) -> None:
    """Refuse texts whose positions would run out of the table, which torch reports as an index out of range.

    `length` is the padded length of a batch in sub-tokens, `room` what `longest` said. Raises `MethodError`.
    """
    if room is not None and length > room:
        raise MethodError(
            f"a text of {length} sub-tokens and {tokens} virtual tokens do not fit into the model's "
            f"{room + tokens} positions; allowed: max_length up to {room}"
        )
