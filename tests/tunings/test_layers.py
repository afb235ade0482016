"""Tunings that treat layers apart: who gets gradients when, and who learns how fast, on the real model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tuneproof import tasks
from tuneproof.errors import MethodError
from tuneproof.train.optimizer import make
from tuneproof.tunings import structure
from tuneproof.tunings.gradual import Gradual
from tuneproof.tunings.layerwise import Layerwise
from tuneproof.tunings.partial import Partial

TASK = tasks.get("classification")
TOP = 7
"""Depth of the head: MiniLM has six layers, and 0 is the embeddings'."""


def depths_with_gradients(model: Any, loss: torch.Tensor) -> set[int]:
    model.zero_grad(set_to_none=True)
    loss.backward()
    depths = structure.depths(model)
    return {depths[name] for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_depths_of_bert(fresh: Callable) -> None:
    depths = structure.depths(fresh("classification"))
    assert depths["bert.embeddings.word_embeddings.weight"] == depths["bert.embeddings.LayerNorm.bias"] == 0
    for layer in range(6):
        found = {name for name, depth in depths.items() if depth == layer + 1}
        assert found == {name for name in depths if name.startswith(f"bert.encoder.layer.{layer}.")}
        assert len(found) == 16
    above = {name for name, depth in depths.items() if depth == TOP}
    assert above == {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_partial_ends_the_backward_pass_at_its_lowest_layer(
    layers: int, fresh: Callable, batch: Callable, loss_of: Callable
) -> None:
    model = Partial(layers=layers).attach(fresh("classification"), TASK, total_steps=1)
    needed: list[bool] = []
    for layer in model.bert.encoder.layer:
        layer.register_forward_hook(lambda module, args, output: needed.append(output.requires_grad))
    loss = loss_of(model, batch("classification"))
    assert needed == [number >= 6 - layers for number in range(6)]
    assert depths_with_gradients(model, loss) == set(range(TOP - layers, TOP + 1))


def test_partial_refuses_more_layers_than_there_are(fresh: Callable) -> None:
    with pytest.raises(MethodError, match="has 6 layers with parameters of their own; needed: 7"):
        Partial(layers=7).attach(fresh("ner"), tasks.get("ner"), total_steps=1)


@pytest.mark.parametrize(
    ("share", "steps", "expected"),
    [
        # (step − 1) · 7 / 5 layers are unfrozen: 0, 1.4, 2.8, 4.2, 5.6, 7
        (0.5, 10, [7, 6, 5, 3, 2, 0, 0, 0, 0, 0]),
        (0.7, 10, [7, 6, 5, 4, 3, 2, 1, 0, 0, 0]),
        (0.99, 3, [7, 5, 0]),  # all of it in the last step, come what may
        (0.5, 1, [0]),
    ],
)
def test_gradual_goes_down_one_layer_after_the_other(share: float, steps: int, expected: list[int]) -> None:
    tuning = Gradual(share=share)
    assert [tuning.lowest(step, steps, TOP) for step in range(1, steps + 1)] == expected


def test_gradual_gives_gradients_to_what_is_unfrozen(fresh: Callable, batch: Callable, loss_of: Callable) -> None:
    """As many steps as there are groups, and a model that is asked for steps out of order, as after a kill."""
    tuning, inputs = Gradual(share=0.99), batch("classification")
    model = tuning.attach(fresh("classification"), TASK, total_steps=8).eval()
    assert all(parameter.requires_grad for parameter in model.parameters())
    for step, lowest in ((1, 7), (3, 6), (6, 3), (8, 0), (2, 7)):
        tuning.before_step(model, step, 8)
        assert depths_with_gradients(model, loss_of(model, inputs)) == set(range(lowest, TOP + 1)), step
    tuning.before_step(model, 8, 8)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_frozen_layers_do_not_even_decay(fresh: Callable, batch: Callable, loss_of: Callable) -> None:
    tuning = Gradual()
    model = tuning.attach(fresh("classification"), TASK, total_steps=10)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = make(dict(model.named_parameters()), set(before), {}, "adamw", 1e-3, 0.5)
    tuning.before_step(model, 2, 10)
    loss_of(model, batch("classification")).backward()
    optimizer.step()
    depths = structure.depths(model)
    assert {depths[name] for name, parameter in model.named_parameters() if not parameter.equal(before[name])} == {6, 7}


def test_rates_of_each_layer(fresh: Callable) -> None:
    """0.5 a layer from the head's 1 down to the embeddings' 0.5⁷, in groups of AdamW with or without decay."""
    tuning = Layerwise(decay=0.5)
    model = tuning.attach(fresh("classification"), TASK, total_steps=1)
    rates = tuning.rates(model)
    assert rates.keys() == dict(model.named_parameters()).keys()
    assert rates["classifier.weight"] == rates["bert.pooler.dense.weight"] == 1
    for layer in range(6):
        assert rates[f"bert.encoder.layer.{layer}.output.LayerNorm.bias"] == 0.5 ** (6 - layer)
    assert rates["bert.embeddings.position_embeddings.weight"] == 0.5**7
    decaying = {name for name, parameter in model.named_parameters() if tuning.decays(name, parameter)}
    optimizer = make(dict(model.named_parameters()), decaying, rates, "adamw", 1e-3, 0.01)
    assert sorted({group["factor"] for group in optimizer.param_groups}) == [0.5**power for power in range(7, -1, -1)]
    assert len(optimizer.param_groups) == 16


def test_one_step_moves_each_layer_by_its_own_rate(fresh: Callable, batch: Callable, loss_of: Callable) -> None:
    """AdamW's first step is rate · sign(gradient), where the gradient is not near zero."""
    tuning = Layerwise(decay=0.5)
    model = tuning.attach(fresh("classification"), TASK, total_steps=1).eval()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = make(dict(model.named_parameters()), set(), tuning.rates(model), "adamw", 1e-3, 0.0)
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * group["factor"]
    loss_of(model, batch("classification")).backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        if name.endswith("key.bias"):  # adds the same to all of a query's scores, so that its gradient is zero
            continue
        step = (parameter.detach() - before[name]).abs().max().item()
        assert step == pytest.approx(1e-3 * 0.5 ** (TOP - structure.depths(model)[name]), rel=0.02), name
