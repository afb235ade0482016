"""The optimizer of a fit, and the clipping of its gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def clip(parameters: Iterable[torch.nn.Parameter], longest: float) -> None:
    """Scale all gradients so that their common norm is at most `longest`; on a CPU short ones are not touched."""
    learning = [parameter for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in learning if parameter.grad is not None])
    if norm.device.type != "cpu" or norm + 1e-6 > longest:  # elsewhere, looking at the norm would wait for the device
        torch.nn.utils.clip_grads_with_norm_(learning, longest, norm)


def make(
    parameters: dict[str, torch.nn.Parameter],
    decaying: set[str],
    factors: dict[str, float],
    kind: str,
    learning_rate: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) or SGD with momentum 0.9.

    Only parameters named in `decaying` decay; `factors` multiply the learning rate of those that they name.
    """
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for decays in (True, False):
        for name, parameter in parameters.items():
            if (name in decaying) == decays:
                groups.setdefault((factors.get(name, 1.0), decays), []).append(parameter)
    described = [
        {"params": some, "factor": factor, "weight_decay": weight_decay if decays else 0.0}
        for (factor, decays), some in groups.items()
    ]
    described = described or [{"params": [], "factor": 1.0, "weight_decay": 0.0}]  # nothing learns by steps
    if kind == "sgd":
        return torch.optim.SGD(described, lr=learning_rate, momentum=0.9)
    return torch.optim.AdamW(described, lr=learning_rate, fused=True)
