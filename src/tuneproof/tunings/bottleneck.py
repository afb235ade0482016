"""The adapter layers themselves. The only module here that imports torch: import it inside functions."""

from __future__ import annotations

import math

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


class Tap(nn.Module):
    """A linear layer that keeps its last input, for a `Parallel` further on to take away."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        self.seen: torch.Tensor | None = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen = inputs
        hidden: torch.Tensor = self.inner(inputs)
        return hidden


class Parallel(nn.Module):
    """A linear layer plus scaling · up(ReLU(down(x))), where x is what the `Tap` before it has seen.

    Starts as LoRA does (He et al. 2022, appendix): `up` at zero, so that the whole starts as `inner` alone. Shapes:
    (…, inner.in_features) → (…, inner.out_features), x: (…, inputs of the tap).
    """

    def __init__(self, inner: nn.Linear, tap: Tap, size: int, scaling: float) -> None:
        super().__init__()
        weight = inner.weight
        self.inner = inner
        self.taps = [tap]  # a list, as it is a part of the model elsewhere
        self.scaling = scaling
        self.down = nn.Linear(tap.inner.in_features, size, device=weight.device, dtype=weight.dtype)
        self.up = nn.Linear(size, inner.out_features, device=weight.device, dtype=weight.dtype)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        (tap,) = self.taps
        change: torch.Tensor = self.up(nn.functional.relu(self.down(tap.seen)))
        tap.seen = None
        hidden: torch.Tensor = self.inner(inputs)
        return hidden + self.scaling * change
