"""Heads on embeddings that are put in place, not trained. Imports torch: import it inside functions.

All that they hold is buffers, so that nothing of them takes a gradient step; `size` gives buffers their number of rows
where that depends on the training rows. Embeddings are (rows ×) sub-tokens × width or rows × width, of length 1.
"""

from __future__ import annotations

import torch
from torch import nn

NEVER = -100.0
"""Logit of an output that no training row shows: low, and still finite when it is added up or halved in precision."""


class Linear(nn.Module):
    """Weights (outputs × width) and biases (outputs)."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, width))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(embeddings.float(), self.weight, self.bias)


class Means(nn.Module):
    """Logits are minus the squared distance to each output's mean (outputs × width), divided by the temperature."""

    means: torch.Tensor
    known: torch.Tensor
    temperature: torch.Tensor

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(outputs, width))
        self.register_buffer("known", torch.zeros(outputs, dtype=torch.bool))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        embeddings = embeddings.float()
        products = embeddings @ self.means.T
        squares = embeddings.square().sum(-1, keepdim=True) - 2 * products + self.means.square().sum(-1)
        return torch.where(self.known, -squares / self.temperature, NEVER)


class Prompts(nn.Module):
    """Logits are the cosines to each output's text (outputs × width), divided by the temperature."""

    texts: torch.Tensor
    temperature: torch.Tensor

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        self.register_buffer("texts", torch.zeros(outputs, width))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        return embeddings.float() @ self.texts.T / self.temperature


class Memory(nn.Module):
    """Base of heads that keep all training embeddings (n × width) and their answers (n)."""

    embeddings: torch.Tensor
    answers: torch.Tensor

    def __init__(self, outputs: int, width: int, *, numbers: bool = False) -> None:
        super().__init__()
        self.outputs = outputs
        self.register_buffer("embeddings", torch.zeros(0, width))
        self.register_buffer("answers", torch.zeros(0, dtype=torch.float32 if numbers else torch.long))

    def size(self, rows: int) -> None:
        """Make room for so many training rows."""
        self.embeddings = self.embeddings.new_zeros(rows, self.embeddings.shape[1])
        self.answers = self.answers.new_zeros(rows)


class Neighbours(Memory):
    """Mean answer of the k nearest rows by cosine, weighted by 1 / (1 − cosine); classes: log of the weights' shares.

    Dudani 1976. A class without a neighbour has a share of `LEAST`.
    """

    LEAST = 1e-4
    CLOSEST = 1e-6
    """Distances below it count as it, so that an equal row outweighs all others."""
    neighbours: torch.Tensor

    def __init__(self, outputs: int, width: int, *, numbers: bool) -> None:
        super().__init__(outputs, width, numbers=numbers)
        self.numbers = numbers
        self.register_buffer("neighbours", torch.ones((), dtype=torch.long))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        cosines = embeddings.float() @ self.embeddings.T
        nearest, places = cosines.topk(min(int(self.neighbours), cosines.shape[-1]), dim=-1)
        weights = 1 / (1 - nearest).clamp(min=self.CLOSEST)
        weights = weights / weights.sum(-1, keepdim=True)
        answers = self.answers[places]
        if self.numbers:
            return (weights * answers).sum(-1, keepdim=True)
        shares = (weights[..., None] * nn.functional.one_hot(answers, self.outputs)).sum(-2)
        return shares.clamp(min=self.LEAST).log()


class Nearest(Memory):
    """Logits are minus the squared distance to the nearest row of each output, divided by the temperature."""

    temperature: torch.Tensor

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__(outputs, width)
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        embeddings = embeddings.float()
        logits = embeddings.new_full((*embeddings.shape[:-1], self.outputs), NEVER)
        for output in self.answers.unique().tolist():
            cosines = embeddings @ self.embeddings[self.answers == output].T
            logits[..., output] = (2 * cosines.amax(-1) - 2) / self.temperature
        return logits
