"""EVA: the directions in which the inputs of LoRA's layers vary. Imports torch: import it inside functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.no_grad()
def start(model: PreTrainedModel, batches: Iterable[dict[str, torch.Tensor]], rank: int) -> None:
    """Set each layer's A (rank × inputs) to the principal components of its inputs, padding left out.

    They are orthonormal, those of the largest variance first. All batches are seen once and their covariances added
    up, so that it takes one forward pass a batch; peft repeats batches until its incremental decomposition settles,
    which for a few short texts may take minutes.
    """
    layers: dict[str, Any] = {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}
    moments = {name: _Moments() for name in layers}
    training = model.training
    model.eval()
    for batch in batches:
        words = batch["attention_mask"].bool()
        hooks = [layer.register_forward_pre_hook(_watch(moments[name], words)) for name, layer in layers.items()]
        model(**batch)
        for hook in hooks:
            hook.remove()
    model.train(training)
    for name, layer in layers.items():
        layer.lora_A["default"].weight.copy_(moments[name].components(rank))


class _Moments:
    """Number, sum and sum of squares of the vectors seen so far."""

    def __init__(self) -> None:
        self.count = 0
        self.total: torch.Tensor | float = 0.0
        self.squares: torch.Tensor | float = 0.0

    def add(self, vectors: torch.Tensor) -> None:
        self.count += len(vectors)
        self.total = self.total + vectors.sum(0)
        self.squares = self.squares + vectors.T @ vectors

    def components(self, rank: int) -> torch.Tensor:
        """The covariance's first eigenvectors as rows."""
        mean = torch.as_tensor(self.total) / self.count
        covariance = torch.as_tensor(self.squares) / self.count - torch.outer(mean, mean)
        return torch.linalg.eigh(covariance)[1].T.flip(0)[:rank]


def _watch(moments: _Moments, words: torch.Tensor) -> Callable[..., None]:
    def look(module: Any, args: tuple[Any, ...]) -> None:
        inputs = args[0]
        moments.add(inputs[words] if inputs.ndim == 3 else inputs)  # a pooler sees one vector a text

    return look
