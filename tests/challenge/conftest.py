"""Tuned models on a random two-layer BERT, without a fit: what was learned is drawn at random."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LABELS = {"classification": ["bad", "good"], "regression": ["value"], "ner": ["O", "B-person", "I-person"]}


@pytest.fixture(scope="session")
def predictor(tiny_folder: Path) -> Callable[..., Any]:
    """`predictor(task, tuning, max_length=…)`: a `Predictor` in float32; a frozen body is as it was."""
    return lambda task, tuning="full", max_length=32: _predictor(tiny_folder, task, tuning, max_length)


def _predictor(folder: Path, task: str, tuning: str, max_length: int) -> Any:
    import torch

    from tuneproof import tasks, tunings
    from tuneproof.challenge.predictor import Predictor
    from tuneproof.tokenize import load_tokenizer
    from tuneproof.train import first_token
    from tuneproof.train.model import learned, load_base

    kind = tasks.get(task)
    model = load_base(folder, kind, LABELS[task], seed=0)
    tuned = tunings.get(tuning)().attach(model, kind, total_steps=10)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in learned(tuned).values():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        for name, buffer in tuned.named_buffers():
            if name.startswith("head.") and buffer.is_floating_point():
                buffer += 0.5 * torch.randn(buffer.shape, generator=generator)
    first_token.install(tuned)
    tokenizer = load_tokenizer(folder)
    return Predictor(tuned.eval(), tokenizer, kind, LABELS[task], max_length=max_length, precision="fp32")
