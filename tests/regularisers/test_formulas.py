"""Each regulariser against its formula, computed in another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tuneproof import regularisers, tasks
from tuneproof.regularisers.masks import bernoulli
from tuneproof.regularisers.supcon import contrastive
from tuneproof.train.divergence import counted, divergence, symmetric

TASKS = ("classification", "regression", "ner")


def build(name: str, **options: Any) -> Any:
    return regularisers.get(name)(**options)


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def softmax(values: list[float]) -> list[float]:
    shifted = [math.exp(value - max(values)) for value in values]
    return [value / sum(shifted) for value in shifted]


# divergence


def given(task: str, labels: torch.Tensor) -> Any:
    return SimpleNamespace(task=tasks.get(task), labels=labels)


def test_divergence_by_hand() -> None:
    one, other = [[1.0, 0.0, -1.0], [0.2, 0.3, 0.0]], [[0.0, 0.5, 0.1], [2.0, 0.0, 0.0]]
    step = given("classification", torch.tensor([0, 1]))
    there = sum(kl(softmax(a), softmax(b)) for a, b in zip(one, other, strict=True)) / 2
    back = sum(kl(softmax(b), softmax(a)) for a, b in zip(one, other, strict=True)) / 2
    a, b = torch.tensor(one), torch.tensor(other)
    assert divergence(step, a, b).item() == pytest.approx(there, rel=1e-5)
    assert symmetric(step, a, b).item() == pytest.approx(there + back, rel=1e-5)
    step = given("regression", torch.tensor([0.0, 1.0]))
    a, b = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.5], [0.0]])
    assert divergence(step, a, b).item() == pytest.approx((0.25 + 4) / 4)
    assert symmetric(step, a, b).item() == pytest.approx((0.25 + 4) / 2)


def test_divergence_of_tags_counts_labelled_positions() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    step = given("ner", torch.tensor([[-100, 1, -100, 0], [2, -100, -100, -100]]))
    assert counted(step, a).shape == (3, 3)
    flat = given("classification", torch.tensor([1, 0, 2]))
    places = [(0, 1), (0, 3), (1, 0)]
    expected = divergence(flat, torch.stack([a[i] for i in places]), torch.stack([b[i] for i in places]))
    torch.testing.assert_close(divergence(step, a, b), expected)


# label smoothing


@pytest.mark.parametrize("task", ["classification", "ner"])
def test_label_smoothing(task: str) -> None:
    torch.manual_seed(0)
    shape = (3,) if task == "classification" else (2, 3)
    logits = torch.randn(*shape, 4)
    labels = torch.tensor([2, 0, 3]) if task == "classification" else torch.tensor([[1, -100, 3], [-100, 0, -100]])
    losses = []
    for values, label in zip(logits.reshape(-1, 4).tolist(), labels.flatten().tolist(), strict=True):
        if label != -100:
            target = [0.2 / 4 + (0.8 if i == label else 0) for i in range(4)]
            losses.append(-sum(q * math.log(p) for q, p in zip(target, softmax(values), strict=True)))
    found = build("label-smoothing", epsilon=0.2).criterion(given(task, labels), logits)
    assert found.item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


# R-Drop


@pytest.mark.parametrize("task", TASKS)
def test_rdrop(task: str, tiny_step: Callable) -> None:
    part = build("rdrop", alpha=3.0)
    step = tiny_step(task, regularisers=[part], dropout=0.3)
    torch.manual_seed(5)
    found = step.loss()
    torch.manual_seed(5)
    one, two = step.outputs().logits, step.outputs().logits
    assert not torch.equal(one, two)
    plain = step.task.loss
    if task == "regression":
        apart = ((one - two) ** 2).mean()
    else:
        rows = [logits.flatten(0, -2)[step.labels.flatten() != -100] for logits in (one, two)]
        p, q = (values.softmax(-1) for values in rows)
        apart = 0.5 * ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)).mean()
    torch.testing.assert_close(found, 0.5 * (plain(one, step.labels) + plain(two, step.labels)) + 3.0 * apart)


def test_rdrop_says_why_without_dropout(tiny_step: Callable) -> None:
    step = tiny_step("ner")
    assert "drops nothing out" in build("rdrop").skip(step.task, step.model)
    step = tiny_step("ner", dropout=0.1)
    assert build("rdrop").skip(step.task, step.model) is None


# supervised contrastive


def test_contrastive_by_hand() -> None:
    torch.manual_seed(0)
    features, labels, tau = torch.randn(5, 3), [0, 1, 0, 0, 2], 0.4
    unit = [[value / math.hypot(*row) for value in row] for row in features.tolist()]
    near = [[math.exp(sum(a * b for a, b in zip(x, y, strict=True)) / tau) for y in unit] for x in unit]
    total = 0.0
    for i in range(5):
        friends = [j for j in range(5) if j != i and labels[j] == labels[i]]
        below = sum(near[i][k] for k in range(5) if k != i)
        if friends:
            total -= sum(math.log(near[i][j] / below) for j in friends) / len(friends)
    found = contrastive(features.requires_grad_(), torch.tensor(labels), tau)
    assert found.item() == pytest.approx(total / 5, rel=1e-5)
    found.backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_contrastive_of_strangers_is_nothing() -> None:
    features = torch.randn(3, 4, requires_grad=True)
    contrastive(features, torch.tensor([0, 1, 2]), 0.5).backward()
    assert features.grad is not None
    assert (features.grad == 0).all()
    assert contrastive(torch.randn(1, 4), torch.tensor([0]), 0.5).item() == 0


@pytest.mark.parametrize("pool", ["cls", "mean"])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_supcon(pool: str, tuning: str, tiny_step: Callable) -> None:
    part = build("supcon", weight=0.25, temperature=0.5, pool=pool)
    step = tiny_step("classification", tuning, [part])
    hidden, logits = [], []
    outputs = step.outputs

    def recorded(inputs: Any = None) -> Any:
        found = outputs(inputs)
        hidden.append(found.hidden_states[-1])
        logits.append(found.logits)
        return found

    step.outputs = recorded
    found = step.loss()
    rows = []
    for state, mask in zip(hidden[0], step.inputs["attention_mask"], strict=True):
        rows.append(state[0] if pool == "cls" else state[: int(mask.sum())].mean(0))
    term = contrastive(torch.stack(rows), step.labels, 0.5)
    torch.testing.assert_close(found, 0.75 * functional.cross_entropy(logits[0], step.labels) + 0.25 * term)
    assert part.skip(step.task, step.model) is None


@pytest.mark.parametrize("tuning", ["probe"])
def test_supcon_says_why_where_features_are_frozen(tuning: str, tiny_step: Callable) -> None:
    step = tiny_step("classification", tuning)
    assert "frozen" in build("supcon").skip(step.task, step.model)


# L2-SP


def pulled(part: Any, step: Any) -> dict[str, torch.Tensor]:
    """Gradients that a regulariser adds to those of the loss, by name."""
    step.model.zero_grad()
    step.loss().backward()
    before = {name: p.grad.clone() for name, p in step.model.named_parameters() if p.grad is not None}
    part.before_step(step.model)
    return {
        name: p.grad - before.get(name, torch.zeros_like(p))
        for name, p in step.model.named_parameters()
        if p.grad is not None
    }


@pytest.mark.parametrize("task", TASKS)
def test_l2_sp_pulls_to_the_start_and_the_head_to_zero(task: str, tiny_step: Callable) -> None:
    part = build("l2-sp", alpha=0.5, beta=0.25)
    step = tiny_step(task, "full", [part])
    start = {name: p.detach().clone() for name, p in step.model.named_parameters()}
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in step.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    found = pulled(part, step)
    parameters = dict(step.model.named_parameters())
    penalty = sum(
        0.125 * (p**2).sum() if name.startswith("classifier") else 0.25 * ((p - start[name]) ** 2).sum()
        for name, p in parameters.items()
    )
    expected = torch.autograd.grad(penalty, [*parameters.values()])
    assert found.keys() == parameters.keys()
    for name, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tuning", ["lora", "ia3"])
def test_l2_sp_pulls_what_is_added_to_the_pretrained_function(tuning: str, tiny_step: Callable) -> None:
    part = build("l2-sp", alpha=0.5, beta=0.25)
    step = tiny_step("classification", tuning, [part])
    with torch.no_grad():
        for parameter in step.model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.125)
    found = pulled(part, step)
    learn = {name: p.detach() for name, p in step.model.named_parameters() if p.requires_grad}
    assert found.keys() == learn.keys()
    for name, gradient in found.items():
        target = 1.0 if "ia3_l" in name else 0.0
        torch.testing.assert_close(gradient, 0.25 * (learn[name] - target), rtol=1e-4, atol=1e-5)


def test_l2_sp_leaves_alone_what_does_not_learn_at_this_step(tiny_step: Callable) -> None:
    part = build("l2-sp")
    step = tiny_step("ner", "full", [part])
    some = next(step.model.parameters()).requires_grad_(False)
    part.before_step(step.model)
    assert some.grad is None


# averages


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("name", ["ema", "swa"])
def test_averages(name: str, tuning: str, tiny_step: Callable) -> None:
    part = build(name, **({"decay": 0.75} if name == "ema" else {"start": 0.4}))
    step = tiny_step("regression", tuning, [part])
    learn = {key: p for key, p in step.model.named_parameters() if p.requires_grad}
    path = []
    torch.manual_seed(0)
    assert part.averaged() == {}
    for number in range(1, 11):
        with torch.no_grad():
            for parameter in learn.values():
                parameter.add_(torch.randn_like(parameter))
        part.after_step(step.model, number)
        path.append({key: p.detach().clone() for key, p in learn.items()})
        if name == "swa" and number <= 4:
            assert part.averaged() == {}
            continue
        if name == "ema":
            weights = [0.75 ** (number - 1 - i) for i in range(number)]
        else:
            weights = [float(i >= 4) for i in range(number)]
        found = part.averaged()
        assert found.keys() == learn.keys()
        for key, value in found.items():
            mean = sum(w * one[key] for w, one in zip(weights, path, strict=True)) / sum(weights)
            torch.testing.assert_close(value, mean, rtol=1e-4, atol=1e-5)
            assert value.data_ptr() != learn[key].data_ptr()


@pytest.mark.parametrize("name", ["ema", "swa"])
def test_averages_say_why_not_with_ranks_that_are_taken_away(name: str, tiny_step: Callable) -> None:
    step = tiny_step("classification", "adalora")
    assert "AdaLoRA" in build(name).skip(step.task, step.model)


# child-tuning


def test_child_tuning_masks_and_scales(tiny_step: Callable) -> None:
    part = build("child-tuning", keep=0.25)
    step = tiny_step("classification", "full", [part])
    step.loss().backward()
    before = {name: p.grad.clone() for name, p in step.model.named_parameters()}
    torch.manual_seed(0)
    part.before_step(step.model)
    kept, total = 0, 0
    for name, parameter in step.model.named_parameters():
        grad, old = parameter.grad, before[name]
        some = old != 0
        assert grad is not None
        assert ((grad == 0) | torch.isclose(grad, 4 * old)).all()
        kept, total = kept + int((grad[some] != 0).sum()), total + int(some.sum())
    assert kept / total == pytest.approx(0.25, abs=0.02)


def test_masks() -> None:
    torch.manual_seed(0)
    one = bernoulli((200, 500), 0.3, torch.device("cpu"))
    assert one.dtype == torch.bool
    assert one.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(one, bernoulli((200, 500), 0.3, torch.device("cpu")))
    torch.manual_seed(0)
    assert torch.equal(one, bernoulli((200, 500), 0.3, torch.device("cpu")))


# mixout


@pytest.mark.parametrize("task", TASKS)
def test_mixout_is_a_layer_with_mixed_weights(task: str, tiny_step: Callable) -> None:
    """The paper's formula as a function of W, differentiated by autograd, gradients of two passes added up."""
    p = 0.6
    part = build("mixout", probability=p)
    step = tiny_step(task, "full", [part])
    linear = {f"{name}.weight" for name, m in step.model.named_modules() if isinstance(m, nn.Linear)}
    linear -= {"classifier.weight"}
    pretrained = {name: step.model.get_parameter(name).detach().clone() for name in linear}
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in step.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    parameters = dict(step.model.named_parameters())
    torch.manual_seed(2)
    losses = []
    for _ in range(2):
        with part.during(step):
            loss = step.loss()
            loss.backward()
        losses.append(loss.detach())
    found = {name: parameter.grad.clone() for name, parameter in parameters.items() if parameter.grad is not None}

    step.model.zero_grad()
    torch.manual_seed(2)
    for expected in losses:
        mixed = dict(parameters)
        for name, parameter in parameters.items():
            if name in linear:
                m = (~bernoulli(parameter.shape, 1 - p, parameter.device)).float()
                u = pretrained[name]
                mixed[name] = (m * u + (1 - m) * parameter - p * u) / (1 - p)
        logits = torch.func.functional_call(step.model, mixed, (), step.inputs).logits
        loss = step.task.loss(logits, step.labels)
        torch.testing.assert_close(loss.detach(), expected)
        loss.backward()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, parameters[name].grad, rtol=1e-3, atol=1e-5)
    assert len(linear) == 12 + (task != "ner")


def test_mixed_weights_are_the_current_ones_in_the_mean(tiny_step: Callable) -> None:
    part = build("mixout", probability=0.5)
    step = tiny_step("classification", "full", [part])
    weight = step.model.bert.encoder.layer[0].attention.self.query.weight
    pretrained = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    current, total = weight.detach().clone(), torch.zeros_like(weight)
    for _ in range(400):
        with part.during(step):
            total += weight.detach() / 400
            changed = (weight.detach() - pretrained).unique()
            assert all(min(abs(value), abs(value - 2)) < 1e-5 for value in changed.tolist())  # 0 or 1 / (1 − p)
    assert torch.equal(weight, current)
    assert (total - current).mean().abs() < 0.01


def test_mixout_puts_weights_back_after_a_failure(tiny_step: Callable) -> None:
    part = build("mixout")
    step = tiny_step("classification", "full", [part])
    before = {key: value.clone() for key, value in step.model.state_dict().items()}
    with pytest.raises(MemoryError), part.during(step):
        raise MemoryError
    assert all(torch.equal(before[key], value) for key, value in step.model.state_dict().items())


def test_mixout_says_why_without_body_weights_that_learn(tiny_step: Callable) -> None:
    for tuning in ("lora", "probe"):
        part = build("mixout")
        step = tiny_step("classification", tuning, [part])
        assert "none of them learns" in part.skip(step.task, step.model)
    part = build("mixout")
    step = tiny_step("classification", "full", [part])
    assert part.skip(step.task, step.model) is None
