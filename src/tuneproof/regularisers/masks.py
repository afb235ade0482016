"""Random masks from torch's global generator, which a fit seeds and a state keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def bernoulli(shape: Sequence[int], probability: float, device: torch.device) -> torch.Tensor:
    """A boolean tensor, each element true with a probability.

    On a CPU from sixteen raw bits an element, which is faster than torch's own (see `train/dropout.py`); the
    probability is exact to 1/65,536.
    """
    import numpy as np
    import torch

    if device.type != "cpu":
        return torch.rand(tuple(shape), device=device) < probability
    generator = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, (1,)))))
    bits = np.frombuffer(generator.bytes(2 * int(np.prod(shape))), dtype=np.uint16)
    return torch.from_numpy(bits < round(probability * 65536)).view(tuple(shape))
