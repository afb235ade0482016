"""Dropout for CPUs: masks from raw random bits instead of one Bernoulli draw an element.

On a CPU, drawing the masks costs a sixth of a fine-tuning step. Sixteen random bits an element, compared with the
rate, cost a third of that; the rate is exact to 1/65,536. The bits come from a generator that is seeded by torch's own
for each mask, so that `torch.manual_seed` fixes them and torch's state is all the state there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ATTENTION = "tuneproof"
"""Name of our attention in transformers' registry: the eager one, but for the dropout."""


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: torch.Tensor, rate: float) -> torch.Tensor:
        generator = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, (1,)))))
        bits = np.frombuffer(generator.bytes(2 * values.numel()), dtype=np.uint16)
        kept = torch.from_numpy(bits >= round(rate * 65536)).view(values.shape)
        mask = kept.to(values.dtype).mul_(1 / (1 - rate))
        context.save_for_backward(mask)
        return values * mask

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (mask,) = context.saved_tensors
        return gradients[0] * mask, None


def dropout(values: torch.Tensor, rate: float, training: bool) -> torch.Tensor:
    """Set each value to zero with probability `rate` and scale the others by 1 / (1 − rate); nothing in evaluation.

    Srivastava et al. 2014. On other devices than a CPU, and at rates too high for the scaling, it is torch's own.
    """
    if not training or rate == 0:
        return values
    if values.device.type != "cpu" or rate > 0.99:
        return nn.functional.dropout(values, rate)
    dropped: torch.Tensor = _Drop.apply(values, rate)  # type: ignore[no-untyped-call]
    return dropped


class Dropout(nn.Dropout):
    """`nn.Dropout` with the masks above."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return dropout(values, self.p, self.training)


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot-product attention (Vaswani et al. 2017), batch × heads × tokens × width, in plain products.

    At the lengths of sentences these are faster on a CPU than torch's fused kernel.
    """
    scores = torch.matmul(query, key.transpose(2, 3)) * (query.size(-1) ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = _dropout(nn.functional.softmax(scores, dim=-1), dropout, module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


_dropout = dropout


def install(model: PreTrainedModel) -> None:
    """Let a model drop out by `dropout`: in its modules, and in attention where transformers lets it be replaced."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
    if model.config._attn_implementation == "eager" and model._can_set_attn_implementation():
        AttentionInterface.register(ATTENTION, attention)
        AttentionMaskInterface.register(ATTENTION, eager_mask)
        model.set_attn_implementation(ATTENTION)
