"""The adapter layer itself. The only module here that imports torch: import it inside functions."""

from __future__ import annotations

import torch
from torch import nn


class Bottleneck(nn.Module):
    """A linear layer followed by down-projection, GELU, up-projection and a skip connection.

    All weights start near zero (normal, σ = 0.01, cut at two σ; Houlsby et al. 2019, section 3.6), so that the whole
    starts close to `inner` alone. Shapes: (…, inner.in_features) → (…, inner.out_features).
    """

    def __init__(self, inner: nn.Linear, size: int) -> None:
        super().__init__()
        weight = inner.weight
        self.inner = inner
        self.down = nn.Linear(inner.out_features, size, device=weight.device, dtype=weight.dtype)
        self.up = nn.Linear(size, inner.out_features, device=weight.device, dtype=weight.dtype)
        for layer in (self.down, self.up):
            nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.inner(inputs)
        change: torch.Tensor = self.up(nn.functional.gelu(self.down(hidden)))
        return hidden + change
