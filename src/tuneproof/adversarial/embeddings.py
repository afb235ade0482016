"""What adversarial trainings of several passes share: perturbed word embeddings, their norms, equal dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from tuneproof.train.resume import random_state, restore_random

if TYPE_CHECKING:
    from tuneproof.train.step import Inputs, Step


class Embeddings:
    """The word embeddings v of a step's rows, and inputs for forward passes at v + r.

    r is rows × sub-tokens × width, and zero at padding and special tokens. Passes inside `equal_dropout` see the same
    dropout masks (Zhu et al. 2020, section 3.3), so that they differ by their perturbation alone.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.embed = step.model.get_input_embeddings()
        self.ids = step.inputs["input_ids"]
        self.others = {name: tensor for name, tensor in step.inputs.items() if name != "input_ids"}
        self.free = step.perturbable()[..., None]
        """Which tokens may be moved, rows × sub-tokens × 1."""
        with torch.no_grad():  # asked for rather than read off the weights, which a tuning may have wrapped
            self.width = int(self.embed(self.ids[:1, :1]).shape[-1])
        self.seed: int | None = None

    def normal(self) -> torch.Tensor:
        """Standard normal noise, zero where tokens may not be moved."""
        return self.masked(torch.randn(*self.ids.shape, self.width, device=self.ids.device))

    def uniform(self) -> torch.Tensor:
        """Uniform noise from -1 to 1, zero where tokens may not be moved."""
        return self.masked(2 * torch.rand(*self.ids.shape, self.width, device=self.ids.device) - 1)

    @contextmanager
    def equal_dropout(self) -> Iterator[None]:
        """Inside, `clean` and `at` start torch's generators alike; behind, they stand where they stood before."""
        self.seed = int(torch.randint(2**62, (1,)))
        before = random_state(self.ids.device)
        try:
            yield
        finally:
            self.seed = None
            restore_random(self.ids.device, before)

    def clean(self) -> Inputs:
        """The step's own inputs, for the next pass."""
        self._start()
        return self.step.inputs

    def at(self, r: torch.Tensor) -> Inputs:
        """Inputs at v + r, for the next pass."""
        self._start()
        return {**self.others, "inputs_embeds": self.embed(self.ids) + r}

    def gradient(self, value: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
        """∂ value / ∂ r where tokens may be moved, else zero; no parameter's gradient is touched."""
        (found,) = torch.autograd.grad(value, r)
        return self.masked(found)

    def masked(self, gradient: torch.Tensor) -> torch.Tensor:
        """A gradient as float32, zero where tokens may not be moved."""
        return gradient.float().masked_fill(~self.free, 0.0)

    def elements(self) -> torch.Tensor:
        """How many numbers of a row may be moved, rows × 1 × 1; at least 1."""
        return (self.free.sum(dim=(1, 2), keepdim=True) * self.width).clamp(min=1)

    def _start(self) -> None:
        if self.seed is not None:
            torch.manual_seed(self.seed)


def norm(r: torch.Tensor) -> torch.Tensor:
    """Euclidean (Frobenius) norm of each row's perturbation, rows × 1 × 1."""
    return torch.linalg.vector_norm(r, dim=(1, 2), keepdim=True)


def unit(r: torch.Tensor) -> torch.Tensor:
    """Each row's perturbation or gradient at norm 1; zero where it is zero."""
    length = norm(r)
    return torch.where(length > 0, r / length, 0.0)


def unit_by_largest(r: torch.Tensor) -> torch.Tensor:
    """Each row with its largest absolute element at 1 (norm ∞); zero where it is zero."""
    length = r.abs().amax(dim=(1, 2), keepdim=True)
    return torch.where(length > 0, r / length, 0.0)


def project(r: torch.Tensor, epsilon: float) -> torch.Tensor:
    """The nearest perturbation with norm ε or less, row by row."""
    length = norm(r)
    return torch.where(length > epsilon, r * (epsilon / length), r)
