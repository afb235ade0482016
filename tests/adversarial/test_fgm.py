"""FGM against numbers worked out by hand, and on the real model."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from tuneproof.adversarial.fgm import FGM, perturbation
from tuneproof.train.step import Step


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Sum(nn.Module):
    """prediction = w · Σ v over the tokens that the mask keeps, w = (3, 4)."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.config = SimpleNamespace(pad_token_id=0, cls_token_id=1)
        table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.5, 0.25], [0.25, 0.5]])
        self.embedding = nn.Embedding.from_pretrained(table, freeze=frozen)
        self.w = nn.Parameter(torch.tensor([3.0, 4.0]))

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def forward(self, attention_mask: torch.Tensor, inputs_embeds: torch.Tensor) -> torch.Tensor:
        return (inputs_embeds * attention_mask[..., None]).sum(1) @ self.w


class Stub(Step):
    """A step whose loss is given."""

    def __init__(self, model: Any, inputs: Any, loss: Any, special: torch.Tensor) -> None:
        self.model, self.inputs, self.loss, self.special_tokens = model, inputs, loss, special  # type: ignore[method-assign]


def stub(model: Any, inputs: Any, loss: Any, special: torch.Tensor) -> Step:
    return Stub(model, inputs, loss, special)


def run(model: Sum, ids: list[list[int]], targets: list[float], scale: float = 1.0) -> torch.Tensor:
    """loss = mean of ½ (prediction − target)²."""
    input_ids = torch.tensor(ids)
    inputs = {"input_ids": input_ids, "attention_mask": (input_ids != 0).long()}

    def loss_of(some: dict[str, torch.Tensor]) -> torch.Tensor:
        return (0.5 * (model(**some) - torch.tensor(targets)) ** 2).mean()

    return FGM(epsilon=0.1).backward(stub(model, inputs, loss_of, input_ids == 1), scale)


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_worked_out_by_hand(frozen: bool) -> None:
    """Tokens [CLS] a b: Σ v = (1.75, 0.75), prediction 8.25, target 7.25: error e = 1.

    g = e (3, 4) at each token; a and b are free, so ‖g‖ = 5 √2 and each moves by 0.1 (0.6, 0.8) / √2.
    Perturbed: Σ v + √2 (0.06, 0.08), prediction higher by 0.1 · 5 · √2, error e' = 1 + 0.5 √2.
    """
    model = Sum(frozen)
    before = copy.deepcopy(model.state_dict())
    loss = run(model, [[1, 2, 3, 0]], [7.25])
    root = 2**0.5
    error = 1 + 0.5 * root
    assert loss.item() == pytest.approx(0.5)
    assert not loss.requires_grad
    expected = [1 * 1.75 + error * (1.75 + 0.06 * root), 1 * 0.75 + error * (0.75 + 0.08 * root)]
    assert model.w.grad is not None
    assert model.w.grad.tolist() == pytest.approx(expected)
    if frozen:
        assert model.embedding.weight.grad is None
    else:  # clean and perturbed: (e + e') w at every token but padding
        rows = model.embedding.weight.grad
        assert rows is not None
        assert rows[0].tolist() == [0, 0]
        for token in (1, 2, 3):
            assert rows[token].tolist() == pytest.approx([3 * (1 + error), 4 * (1 + error)])
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_two_steps_of_descent_by_hand() -> None:
    """One free token a of (0.5, 0.25), target 0, rate 0.1; each pass adds its own gradient.

    Step 1: e = 2.5; a moves to (0.56, 0.33), where e' = 3. Gradient 2.5 a + 3 a' = (2.93, 1.615).
    """
    model = Sum(frozen=True)
    w, v, path = [3.0, 4.0], [0.5, 0.25], []
    for _ in range(2):
        run(model, [[2]], [0.0])
        e = w[0] * v[0] + w[1] * v[1]
        length = (w[0] ** 2 + w[1] ** 2) ** 0.5
        moved = [v[i] + 0.1 * w[i] / length for i in (0, 1)]  # e > 0: the sign of the gradient is that of w
        e_moved = w[0] * moved[0] + w[1] * moved[1]
        w = [w[i] - 0.1 * (e * v[i] + e_moved * moved[i]) for i in (0, 1)]
        with torch.no_grad():
            model.w -= 0.1 * model.w.grad
        model.w.grad = None
        path.append(model.w.tolist())
    assert path[0] == pytest.approx([3 - 0.293, 4 - 0.1615])
    assert path[1] == pytest.approx(w)


def test_norm_is_of_each_example_and_scale_does_not_matter_to_it() -> None:
    """Two texts in a batch are moved as each would be alone, though a mean loss halves their gradients."""
    both, first, second = Sum(True), Sum(True), Sum(True)
    run(both, [[2, 3], [3, 0]], [0.0, 5.0], scale=8.0)
    run(first, [[2, 3]], [0.0])
    run(second, [[3, 0]], [5.0])
    assert both.w.grad is not None
    torch.testing.assert_close(both.w.grad, 8 * (first.w.grad + second.w.grad) / 2)


def test_perturbation_has_length_epsilon_and_leaves_the_rest_alone() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(3, 5, 4) * torch.tensor([1e-6, 1.0, 1e4])[:, None, None]
    free = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]).bool()
    r = perturbation(gradient, free, 0.5)
    assert r[:2].flatten(1).norm(dim=1).tolist() == pytest.approx([0.5, 0.5])
    assert (r[~free] == 0).all()
    assert (perturbation(torch.zeros(1, 2, 3), torch.ones(1, 2).bool(), 0.5) == 0).all()


def test_padding_and_special_tokens_may_not_move() -> None:
    ids = torch.tensor([[1, 7, 8, 2, 0]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    special = torch.tensor([[True, False, False, True, False]])
    assert stub(Sum(), inputs, torch.sum, special).perturbable().tolist() == [[False, True, True, False, False]]


@functools.cache
def _base(folder: Path, task: str) -> Any:
    import transformers

    from tuneproof import tasks

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    return getattr(transformers, tasks.get(task).auto_class).from_pretrained(folder, num_labels=2)


@pytest.mark.parametrize(
    "tuning", ["full", "probe", "lora", "adapter", "prefix", "ia3", "partial", "prompt", "p-tuning"]
)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_on_the_real_model(tuning: str, precision: torch.dtype, minilm: Path) -> None:
    """The clean gradient alone plus that at embeddings moved by hand gives FGM's; the loss there is higher."""
    from tuneproof import tasks, tunings

    torch.manual_seed(0)
    kind = tasks.get("ner")
    model: Any = tunings.get(tuning)().attach(copy.deepcopy(_base(minilm, "ner")), kind, total_steps=10).eval()
    learn = [parameter for parameter in model.parameters() if parameter.requires_grad]
    before = [parameter.detach().clone() for parameter in learn]
    ids = torch.tensor([[101, 2023, 2003, 102, 0, 0], [101, 2307, 3185, 2005, 2035, 102]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    special = (ids == 101) | (ids == 102)
    losses = []

    def loss_of(some: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = model(**some).logits
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten() % 2)
        losses.append(loss.item())
        return loss

    clean = FGM().backward(stub(model, inputs, loss_of, special), 1.0)
    assert clean.item() == losses[0] < losses[1]
    assert all(torch.equal(parameter, old) for parameter, old in zip(learn, before, strict=True))
    total = [parameter.grad.clone() for parameter in learn if parameter.grad is not None]

    features = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    model.zero_grad()
    loss_of(features).backward()
    assert losses[2] == pytest.approx(losses[0], rel=1e-3)
    alone = [parameter.grad.clone() for parameter in learn if parameter.grad is not None]
    assert len(alone) == len(total)
    assert any(not torch.equal(one, both) for one, both in zip(alone, total, strict=True))
