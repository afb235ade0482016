"""Mixup against a forward pass that is written out, and on other encoders than BERT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from tuneproof.regularisers.mixup import Mixup, layers


def written_out(step: Any, layer: int, ratio: float, partner: list[int]) -> torch.Tensor:
    """The loss of a mixed batch on BERT, row by row in Python, without a hook."""
    model, mask = step.model, step.inputs["attention_mask"].bool()

    def open_to(visible: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1, 1, 1, len(visible)).masked_fill(~visible, torch.finfo(torch.float32).min)

    losses, weights = [], []
    for i, j in enumerate(partner):
        states = []
        for row in (i, j):
            hidden = model.bert.embeddings(step.inputs["input_ids"][row : row + 1])
            for below in model.bert.encoder.layer[:layer]:
                hidden = below(hidden, open_to(mask[row]))
            states.append(hidden[0])
        mixed, shares = torch.zeros_like(states[0]), []
        for t in range(mask.shape[1]):
            own, other = (ratio, 1 - ratio) if mask[i, t] and mask[j, t] else (float(mask[i, t]), float(mask[j, t]))
            mixed[t] = own * states[0][t] + other * states[1][t]
            shares.append((own, other))
        hidden = mixed[None]
        for above in model.bert.encoder.layer[layer:]:
            hidden = above(hidden, open_to(mask[i] | mask[j]))
        if step.task.name == "ner":
            logits = model.classifier(hidden)[0]
            for t, share in enumerate(shares):
                for row, weight in zip((i, j), share, strict=True):
                    if step.labels[row, t] != -100:
                        losses.append(weight * functional.cross_entropy(logits[t], step.labels[row, t]))
                        weights.append(weight)
            continue
        logits = model.classifier(model.bert.pooler(hidden))
        for row, weight in ((i, ratio), (j, 1 - ratio)):
            losses.append(weight * step.task.loss(logits, step.labels[row : row + 1]))
        weights.append(1.0)
    return torch.stack(losses).sum() / sum(weights)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("task", ["classification", "regression", "ner"])
def test_loss_and_gradients(task: str, layer: int, tiny_step: Callable) -> None:
    part = Mixup(alpha=1.0, layer=layer)
    step = tiny_step(task, "full", [part])
    torch.manual_seed(4)
    with part.during(step):
        pairs: Any = part._pairs
        found = step.loss()
        found.backward()
    partner = pairs.partner.tolist()
    assert sorted(partner) == list(range(6))
    assert partner != list(range(6))
    assert 0 < pairs.ratio < 1
    gradients = {name: p.grad.clone() for name, p in step.model.named_parameters() if p.grad is not None}
    step.model.zero_grad()
    expected = written_out(step, layer, pairs.ratio, partner)
    torch.testing.assert_close(found, expected)
    expected.backward()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, step.model.get_parameter(name).grad, rtol=1e-3, atol=1e-5)


def test_regression_learns_the_mixed_number(tiny_step: Callable) -> None:
    """λ (p − a)² + (1 − λ)(p − b)² and (p − λ a − (1 − λ) b)² differ by a constant: the gradients are equal."""
    part = Mixup(alpha=1.0)
    step = tiny_step("regression", "full", [part])
    with part.during(step):
        pairs: Any = part._pairs
        target = pairs.ratio * step.labels + (1 - pairs.ratio) * step.labels[pairs.partner]
        logits = step.outputs().logits
        ours = torch.autograd.grad(part.criterion(step, logits), logits, retain_graph=True)[0]
        other = torch.autograd.grad(functional.mse_loss(logits[:, 0], target), logits)[0]
    torch.testing.assert_close(ours, other)


def test_what_padding_holds_does_not_matter(tiny_step: Callable) -> None:
    part = Mixup(alpha=1.0, layer=1)
    step = tiny_step("ner", "full", [part])
    losses = []
    for filling in (0, 17):
        ids = step.inputs["input_ids"].clone()
        ids[step.inputs["attention_mask"] == 0] = filling
        torch.manual_seed(4)
        with part.during(step):
            losses.append(step.loss({**step.inputs, "input_ids": ids}))
    torch.testing.assert_close(*losses)


def test_a_row_alone_is_itself(tiny_step: Callable) -> None:
    for task in ("classification", "ner"):
        part = Mixup()
        step = tiny_step(task, "full", [part], rows=1)
        with part.during(step):
            mixed = step.loss()
        torch.testing.assert_close(mixed, step.loss())


def test_ratio_follows_its_distribution_and_torch_s_generator(tiny_step: Callable) -> None:
    part = Mixup(alpha=0.5)
    step = tiny_step("classification", "full", [part])

    def ratios() -> list[float]:
        torch.manual_seed(0)
        found = []
        for _ in range(600):
            with part.during(step):
                pairs: Any = part._pairs
                found.append(pairs.ratio)
        return found

    found = torch.tensor(ratios())
    assert found.mean().item() == pytest.approx(0.5, abs=0.05)
    assert found.var().item() == pytest.approx(0.25 / (2 * 0.5 + 1), abs=0.02)  # of Beta(a, a): 1 / (4 (2a + 1))
    assert ratios() == found.tolist()


@pytest.mark.parametrize("family", ["deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta"])
def test_attention_sees_the_partner_s_longer_tail(family: str, tiny_step: Callable) -> None:
    """Its last word changes the answer for the shorter text; without mixing it does not."""
    part = Mixup(alpha=1.0, layer=1)
    step = tiny_step("classification", "full", [part], family=family)
    mask = step.inputs["attention_mask"]
    short, long = int(mask.sum(1).argmin()), int(mask.sum(1).argmax())
    other = step.inputs["input_ids"].clone()
    other[long, int(mask.sum(1)[short]) + 1] = 9
    changed = {**step.inputs, "input_ids": other}
    with torch.no_grad():
        torch.testing.assert_close(step.outputs().logits[short], step.outputs(changed).logits[short])
        for seed in range(200):
            torch.manual_seed(seed)
            with part.during(step):
                pairs: Any = part._pairs
                if pairs.partner[short] == long and pairs.ratio < 0.7:
                    assert not torch.allclose(
                        step.outputs().logits[short], step.outputs(changed).logits[short], atol=1e-6
                    )
                    return
    pytest.fail("no draw made the two partners")


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("tuning", ["prompt", "prefix"])
def test_virtual_tokens_are_mixed_too(tuning: str, layer: int, tiny_step: Callable) -> None:
    part = Mixup(layer=layer)
    step = tiny_step("classification", tuning, [part])
    with part.during(step):
        step.loss().backward()
    learn = [parameter for parameter in step.model.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in learn)


def test_says_why_not(tiny_step: Callable) -> None:
    step = tiny_step("classification", family="albert")
    assert layers(step.model) == []
    assert "no list of transformer layers" in (Mixup().skip(step.task, step.model) or "")
    step = tiny_step("classification")
    assert "allowed: 0 to 1" in (Mixup(layer=2).skip(step.task, step.model) or "")
    assert Mixup(layer=1).skip(step.task, step.model) is None
