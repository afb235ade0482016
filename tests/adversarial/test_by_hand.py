"""Two steps of descent against numbers worked out in plain Python: one text of one word, two numbers wide.

The model is w · (v + r) with w = (3, 4) and a frozen v = (0.5, 0.25); the loss is ½ prediction², and the rate 0.1.
The loss rises along w as long as the prediction is positive, and w/‖w‖ is (0.6, 0.8) at the start.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from tuneproof import adversarial, tasks
from tuneproof.train.step import Step

V = (0.5, 0.25)
RATE = 0.1


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.tensor([[9.0, 9.0], [*V]]))
        self.w = nn.Parameter(torch.tensor([3.0, 4.0]))

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def forward(self, attention_mask: Any, input_ids: Any = None, inputs_embeds: Any = None) -> Any:
        vectors = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        return SimpleNamespace(logits=(vectors * attention_mask[..., None]).sum(1) @ self.w[:, None])


class Half(Step):
    """A step whose loss is ½ (prediction − label)²."""

    def __init__(self, model: Product) -> None:
        ids = torch.tensor([[1, 0]])
        self.model, self.inputs, self.labels = model, {"input_ids": ids, "attention_mask": ids}, torch.zeros(1)  # type: ignore[assignment]
        self.task, self.special_tokens = tasks.get("regression"), torch.zeros(1, 2, dtype=torch.bool)

    def outputs(self, inputs: Any = None) -> Any:
        return self.model(**(self.inputs if inputs is None else inputs))

    def loss(self, inputs: Any = None, outputs: Any = None) -> torch.Tensor:
        outputs = self.outputs(inputs) if outputs is None else outputs
        return 0.5 * ((outputs.logits[:, 0] - self.labels) ** 2).mean()


def descend(name: str, **options: Any) -> tuple[list[list[float]], list[float]]:
    """w and the returned loss after each of two steps; the generator's seed is the step's number."""
    model, path, losses = Product(), [], []
    opponent = adversarial.get(name)(**options)
    for number in (0, 1):
        torch.manual_seed(number)
        losses.append(opponent.backward(Half(model), 1.0).item())
        assert model.w.grad is not None
        with torch.no_grad():
            model.w -= RATE * model.w.grad
        model.w.grad = None
        path.append(model.w.tolist())
    return path, losses


def noise(number: int) -> list[float]:
    """What a training draws first in step `number`, at the one word."""
    torch.manual_seed(number)
    return torch.randn(1, 2, 2)[0, 0].tolist()


def dot(a: Any, b: Any) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def add(a: Any, b: Any, times: float = 1.0) -> list[float]:
    return [x + times * y for x, y in zip(a, b, strict=True)]


def inside(r: list[float], epsilon: float) -> list[float]:
    length = math.hypot(*r)
    return [x * epsilon / length for x in r] if length > epsilon else r


def uphill(w: list[float], v: list[float]) -> list[float]:
    """Unit gradient of ½ (w · v)² with respect to v."""
    return [math.copysign(1.0, dot(w, v)) * x / math.hypot(*w) for x in w]


@pytest.mark.parametrize("clean", [0.0, 1.0, 0.5])
def test_pgd(clean: float) -> None:
    path, losses = descend("pgd", epsilon=0.3, step_size=0.2, steps=2, clean=clean)
    w = [3.0, 4.0]
    for number in (0, 1):
        assert losses[number] == pytest.approx(0.5 * dot(w, V) ** 2, rel=1e-5)
        start = noise(number)
        r = [0.3 * x / math.hypot(*start) for x in start]
        for _ in range(2):
            r = inside(add(r, uphill(w, add(V, r)), 0.2), 0.3)
        moved = add(V, r)
        gradient = add([clean * dot(w, V) * x for x in V], moved, dot(w, moved))
        w = add(w, gradient, -RATE)
        assert path[number] == pytest.approx(w, rel=1e-4)


def test_freelb_from_the_text_itself() -> None:
    """Step 1: predictions 2.5 at v and 2.5 + 5 · 0.06 at v + 0.06 (0.6, 0.8); half of both gradients."""
    path, losses = descend("freelb", epsilon=0.1, step_size=0.06, steps=2, start=0.0)
    assert losses[0] == pytest.approx(0.5 * 2.5**2)
    first = [0.5 * (2.5 * 0.5 + 2.8 * 0.536), 0.5 * (2.5 * 0.25 + 2.8 * 0.298)]
    assert path[0] == pytest.approx([3 - RATE * first[0], 4 - RATE * first[1]], rel=1e-5)


def test_freelb() -> None:
    """Uniform start of size m / √N with N = 2 numbers that may be moved, projection, and (1/K) Σ of the gradients."""
    path, _ = descend("freelb", epsilon=0.1, step_size=0.08, steps=3, start=0.05)
    w = [3.0, 4.0]
    for number in (0, 1):
        torch.manual_seed(number)
        r = [0.05 * (2 * x - 1) / math.sqrt(2) for x in torch.rand(1, 2, 2)[0, 0].tolist()]
        gradient = [0.0, 0.0]
        for _ in range(3):
            moved = add(V, r)
            gradient = add(gradient, moved, dot(w, moved) / 3)
            r = inside(add(r, uphill(w, moved), 0.08), 0.1)
        w = add(w, gradient, -RATE)
        assert path[number] == pytest.approx(w, rel=1e-4)


def test_vat() -> None:
    """KL is ½ (w · r)², so d becomes ± w/‖w‖ in one iteration; only the moved prediction learns from it."""
    path, losses = descend("vat", epsilon=0.3, weight=2.0, probe=0.1)
    w = [3.0, 4.0]
    for number in (0, 1):
        assert losses[number] == pytest.approx(0.5 * dot(w, V) ** 2, rel=1e-5)
        sign = math.copysign(1.0, dot(w, noise(number)))
        r = [sign * 0.3 * x / math.hypot(*w) for x in w]
        gradient = add([dot(w, V) * x for x in V], add(V, r), 2.0 * dot(w, r))
        w = add(w, gradient, -RATE)
        assert path[number] == pytest.approx(w, rel=1e-3)


def test_smart() -> None:
    """ℓ is (w · r)², g ∝ ± w, by its largest number (0.75, 1); both sides learn, so its gradient is 2 (w · r) r."""
    path, _ = descend("smart", epsilon=0.2, weight=2.0, step_size=0.3, noise=0.05, steps=1)
    w = [3.0, 4.0]
    for number in (0, 1):
        r = [max(-0.2, min(0.2, 0.05 * x)) for x in noise(number)]
        sign, largest = math.copysign(1.0, dot(w, r)), max(map(abs, w))
        r = [max(-0.2, min(0.2, x + 0.3 * sign * y / largest)) for x, y in zip(r, w, strict=True)]
        gradient = add([dot(w, V) * x for x in V], r, 2.0 * 2 * dot(w, r))
        w = add(w, gradient, -RATE)
        assert path[number] == pytest.approx(w, rel=1e-3)
