"""Learning-rate schedules: linear warm-up from zero, then linear or cosine decay to zero."""

from __future__ import annotations

import math


def factor(step: int, *, total_steps: int, warmup_ratio: float, kind: str) -> float:
    """What the learning rate is multiplied with at optimizer step `step` (0 … total_steps − 1); between 0 and 1."""
    warmup = round(warmup_ratio * total_steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total_steps - warmup)
    return 1 - done if kind == "linear" else 0.5 * (1 + math.cos(math.pi * done))
