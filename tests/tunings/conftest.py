"""Fresh models and one small learnable batch a task."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tunings.base import Material

OUTPUTS = {"classification": 2, "regression": 1, "ner": 3}
TEXTS = [
    "a wonderful film",
    "dull and far too long",
    "what a delight from start to finish",
    "I want my money back",
    "warm, funny and wise",
    "a mess",
    "the best thing I have seen this year by a mile",
    "not worth the ticket",
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums depend on the number of threads, and these tests compare bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def fresh(minilm: Path) -> Callable[..., PreTrainedModel]:
    """`fresh(task, seed)`: the pre-trained model with a head drawn from the seed."""
    return functools.partial(_fresh, minilm)


def _fresh(folder: Path, task: str, seed: int = 0) -> PreTrainedModel:
    import torch

    model = copy.deepcopy(_loaded(folder, task))
    torch.manual_seed(seed)
    torch.nn.init.normal_(model.classifier.weight, std=0.02)
    return model


@functools.cache
def _loaded(folder: Path, task: str) -> PreTrainedModel:
    import transformers

    from tuneproof import tasks

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    auto = getattr(transformers, tasks.get(task).auto_class)
    return auto.from_pretrained(folder, num_labels=OUTPUTS[task], local_files_only=True)


@pytest.fixture(scope="session")
def batch(minilm: Path) -> Callable[[str], dict[str, torch.Tensor]]:
    """`batch(task)`: eight padded texts with labels that alternate."""
    import torch
    from transformers import AutoTokenizer

    encoded = dict(AutoTokenizer.from_pretrained(minilm)(TEXTS, padding=True, return_tensors="pt"))
    sides = torch.arange(len(TEXTS)) % 2

    def make(task: str) -> dict[str, torch.Tensor]:
        if task == "regression":
            return {**encoded, "labels": 2.0 * sides - 1.0}
        if task == "ner":
            labels = (encoded["input_ids"] % 3).masked_fill(encoded["attention_mask"] == 0, -100)
            return {**encoded, "labels": labels}
        return {**encoded, "labels": sides}

    return make


@pytest.fixture(scope="session")
def loss_of() -> Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]:
    """Mean loss of a batch: squared error for one output, cross-entropy for more."""
    import torch.nn.functional as functional

    def loss(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        logits = model(**inputs).logits
        if logits.shape[-1] == 1:
            return functional.mse_loss(logits[:, 0], labels)
        return functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100)

    return loss


@pytest.fixture(scope="session")
def material(minilm: Path, batch: Callable[[str], dict[str, torch.Tensor]]) -> Callable[[str], Material]:
    """`material(task)`: what a tuning may look at when it begins, the rows of the batch."""
    from tuneproof.train.batches import Tokens
    from tuneproof.tunings.base import Material

    def make(task: str) -> Material:
        rows = {name: tensor for name, tensor in batch(task).items() if name != "attention_mask"}
        lengths = batch(task)["attention_mask"].sum(1).tolist()
        columns = {
            name: [
                row[:length].numpy() if row.ndim else row.item() for row, length in zip(tensor, lengths, strict=True)
            ]
            for name, tensor in rows.items()
        }
        labels = [f"label {number}" for number in range(OUTPUTS[task])]
        return Material(Tokens([str(row) for row in range(len(lengths))], columns), labels, minilm, "fp32")

    return make
