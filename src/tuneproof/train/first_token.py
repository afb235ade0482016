"""The last layer for the first token alone, where the head reads nothing else.

BERT and its kin classify a text by the last layer's output at [CLS]. That layer's keys and values need all tokens;
its query, output projection and feed-forward part need one. Leaving the others out changes no prediction but in the
last bits, and saves an eighth of the work of a six-layer model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

MODEL_TYPES = {"bert", "camembert", "electra", "roberta", "xlm-roberta"}
"""Families whose head reads position 0 and whose layers are built alike."""


class _FirstTokenLayer(nn.Module):
    """Mixed into a layer's own class; falls back to it where all positions are asked for."""

    whole = False

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None, *rest: Any, **options: Any
    ) -> Any:
        if self.whole or options.get("past_key_values") is not None:
            return super().forward(hidden_states, attention_mask, *rest, **options)
        layer: Any = self
        # a copy, as products of strided rows can differ in the last bits from one place in memory to another
        own, first = layer.attention.self, hidden_states[:, :1].contiguous()
        shape = (len(first), -1, own.num_attention_heads, own.attention_head_size)
        query = own.query(first).view(shape).transpose(1, 2)
        key = own.key(hidden_states).view(shape).transpose(1, 2)
        value = own.value(hidden_states).view(shape).transpose(1, 2)
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        attend: Any = ALL_ATTENTION_FUNCTIONS[own.config._attn_implementation]
        dropout = own.dropout.p if own.training else 0.0
        mask = None if attention_mask is None else attention_mask[:, :, :1]
        seen, _ = attend(own, query, key, value, mask, dropout=dropout, scaling=own.scaling)
        return layer.feed_forward_chunk(layer.attention.output(seen.reshape(first.shape), first))


def install(model: PreTrainedModel) -> None:
    """Shorten the last layer of a classifier or regressor of a known family; other models stay as they are."""
    from tuneproof.train.dropout import ATTENTION

    wrapped: Any = model
    inner = wrapped.get_base_model() if hasattr(model, "get_base_model") else wrapped
    kind = type(inner).__name__
    if not kind.endswith("ForSequenceClassification") or inner.config.model_type not in MODEL_TYPES:
        return
    if inner.config._attn_implementation != ATTENTION or inner.config.is_decoder:
        return
    layer = getattr(inner, inner.base_model_prefix).encoder.layer[-1]
    if not isinstance(layer, _FirstTokenLayer):
        layer.__class__ = type(type(layer).__name__, (_FirstTokenLayer, type(layer)), {})


def show_all(model: nn.Module, *, wanted: bool) -> None:
    """Have the last layer give all positions (or only the first again), for those who look at hidden states."""
    for module in model.modules():
        if isinstance(module, _FirstTokenLayer):
            module.whole = wanted
