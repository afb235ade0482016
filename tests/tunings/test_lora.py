"""LoRA's variants: each learns, starts where it should, and predicts the same after a reload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tuneproof import params, tasks
from tuneproof.errors import ParamsError
from tuneproof.tunings import structure
from tuneproof.tunings.lora import Lora

TASK = tasks.get("ner")
WIDTH, INNER, LAYERS, RANK = 384, 1536, 6, 8
ATTENTION = LAYERS * 2 * RANK * (WIDTH + WIDTH)
NORMS = LAYERS * 2 * WIDTH
ALL = LAYERS * RANK * (4 * (WIDTH + WIDTH) + 2 * (WIDTH + INNER))
HEAD = 3 * (WIDTH + 1)
VARIANTS: dict[str, tuple[dict[str, Any], int]] = {
    "rslora": ({"rslora": True}, ATTENTION),
    "dora": ({"dora": True}, ATTENTION + NORMS),
    "gaussian": ({"init": "gaussian"}, ATTENTION),
    "orthogonal": ({"init": "orthogonal"}, ATTENTION),
    "pissa": ({"init": "pissa"}, ATTENTION),
    "olora": ({"init": "olora"}, ATTENTION),
    "eva": ({"init": "eva"}, ATTENTION),
    "loraplus": ({"loraplus": 16.0}, ATTENTION),
    "all-linear": ({"targets": "all-linear"}, ALL),
    "eva on all": ({"targets": "all-linear", "init": "eva"}, ALL),
    "all at once": ({"rslora": True, "dora": True, "init": "eva", "loraplus": 4.0, "dropout": 0.1}, ATTENTION + NORMS),
}


def logits(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(**{key: value for key, value in inputs.items() if key != "labels"}).logits


def learned(model: Any) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("name", VARIANTS)
def test_learns_and_predicts_the_same_after_a_reload(
    name: str, fresh: Callable, batch: Callable, loss_of: Callable, material: Callable, tmp_path: Path
) -> None:
    from peft import PeftModel

    options, count = VARIANTS[name]
    tuning, inputs = Lora(**options), batch("ner")
    plain = logits(fresh("ner"), inputs)
    model: Any = tuning.attach(fresh("ner"), TASK, total_steps=3).eval()
    tuning.begin(model, TASK, material("ner"))
    learn = learned(model)
    assert sum(parameter.numel() for parameter in learn.values()) == count + HEAD
    torch.testing.assert_close(logits(model, inputs), plain, atol=2e-4, rtol=0)  # all start as the pre-trained model

    frozen = {key: value.clone() for key, value in model.named_parameters() if not value.requires_grad}
    before = {key: value.detach().clone() for key, value in learn.items()}
    optimizer = torch.optim.AdamW(learn.values(), lr=3e-3, weight_decay=0.0)
    losses = []
    for _ in range(3):
        loss = loss_of(model, inputs)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss_of(model, inputs).item() < losses[0]
    assert all(value.equal(frozen[key]) for key, value in model.named_parameters() if key in frozen)
    assert not any(value.equal(before[key]) for key, value in learn.items())

    tuning.save(model, tmp_path)
    torch.manual_seed(5)
    again = tuning.load(fresh("ner", seed=7), TASK, tmp_path)
    assert torch.equal(logits(again, inputs), logits(model, inputs))
    torch.testing.assert_close(
        logits(PeftModel.from_pretrained(fresh("ner", seed=7), tmp_path), inputs), logits(model, inputs)
    )


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_principal_parts_are_taken_out_of_the_frozen_weights_and_do_not_decay(init: str, fresh: Callable) -> None:
    base = fresh("ner")
    name = "bert.encoder.layer.2.attention.self.query"
    weight = base.get_submodule(name).weight.detach().clone()
    tuning = Lora(init=init)
    model: Any = tuning.attach(base, TASK, total_steps=1)
    layer = model.get_submodule(f"base_model.model.{name}")
    product = 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    assert not torch.allclose(layer.base_layer.weight, weight, atol=1e-3)
    torch.testing.assert_close(layer.base_layer.weight + product, weight, atol=1e-5, rtol=0)
    if init == "pissa":
        left, values, right = torch.linalg.svd(weight)
        torch.testing.assert_close(product, left[:, :RANK] * values[:RANK] @ right[:RANK], atol=1e-4, rtol=0)
    decaying = {key for key, parameter in learned(model).items() if tuning.decays(key, parameter)}
    assert decaying == {"base_model.model.classifier.modules_to_save.default.weight"}


def test_eva_starts_from_the_directions_in_which_inputs_differ(fresh: Callable, material: Callable) -> None:
    """A's rows are the principal components of what the layer sees on training rows, padding left out."""
    seen: list[torch.Tensor] = []
    base, tuning = fresh("ner").eval(), Lora(init="eva")
    name, rows = "bert.encoder.layer.1.attention.self.value", material("ner").train
    inputs = rows.collate(range(len(rows)), 0, torch.device("cpu"))
    hook = base.get_submodule(name).register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    logits(base, inputs)
    hook.remove()
    states = seen[0][inputs["attention_mask"].bool()]
    states = states - states.mean(0)

    def share(tuned: Any) -> float:
        """Of the variance that `RANK` directions can hold, how much A's rows hold."""
        directions = torch.linalg.qr(
            tuned.get_submodule(f"base_model.model.{name}").lora_A["default"].weight.detach().T
        )[0]
        return float(((states @ directions) ** 2).sum() / (torch.linalg.svdvals(states)[:RANK] ** 2).sum())

    model: Any = tuning.attach(base, TASK, total_steps=1)
    assert share(model) < 0.3
    tuning.begin(model, TASK, material("ner"))
    assert share(model) > 0.999
    start = model.get_submodule(f"base_model.model.{name}").lora_A["default"].weight
    torch.testing.assert_close(start @ start.T, torch.eye(RANK), atol=1e-5, rtol=0)
    assert not model.get_submodule(f"base_model.model.{name}").lora_B["default"].weight.any()


@pytest.mark.parametrize("task", ["classification", "regression", "ner"])
def test_all_linear_leaves_the_head_alone(task: str, fresh: Callable) -> None:
    """peft's own `all-linear` takes a token classifier's head, and then cannot train it."""
    base = fresh(task)
    body = {name for name, module in base.bert.named_modules() if isinstance(module, torch.nn.Linear)}
    model: Any = Lora(targets="all-linear").attach(base, tasks.get(task), total_steps=1)
    layers = {name.split(".lora_")[0] for name in learned(model) if ".lora_" in name}
    assert layers == {f"base_model.model.bert.{name}" for name in body}
    heads = [name for name in learned(model) if ".lora_" not in name]
    assert heads == [f"base_model.model.classifier.modules_to_save.default.{part}" for part in ("weight", "bias")]
    assert structure.head_modules(fresh(task)) == ["classifier"]


def test_loraplus_lets_b_learn_faster(fresh: Callable) -> None:
    tuning = Lora(loraplus=16.0)
    model = tuning.attach(fresh("ner"), TASK, total_steps=1)
    rates = tuning.rates(model)
    assert set(rates.values()) == {16.0}
    assert rates.keys() == {name for name in learned(model) if ".lora_B." in name}
    assert len(rates) == LAYERS * 2


def test_rslora_scales_by_the_root_of_the_rank(fresh: Callable) -> None:
    for rslora, scale in ((False, 2.0), (True, 16 / 8**0.5)):
        model: Any = Lora(rslora=rslora).attach(fresh("ner"), TASK, total_steps=1)
        layer = model.base_model.model.bert.encoder.layer[0].attention.self.query
        assert layer.scaling == {"default": pytest.approx(scale)}


def test_a_start_that_no_reload_repeats_is_refused() -> None:
    with pytest.raises(ValidationError, match="allowed: pissa; a randomised decomposition"):
        Lora(init="pissa_niter_4")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="rank: found 7; allowed: an even number"):
        Lora(init="orthogonal", rank=7)


def test_the_refusal_is_one_line_for_the_user() -> None:
    content = {
        "datasets": {"d": {"task": "ner", "source": {"path": "d.txt"}, "format": {"kind": "conll"}}},
        "models": {"m": {"path": "models/m"}},
        "methods": {"l": {"tuning": {"name": "lora", "init": "pissa_niter_16"}}},
        "seeds": [1],
    }
    with pytest.raises(ParamsError) as error:
        params.check(content)
    assert len(error.value.lines) == 1
    assert 'methods.l.tuning.init: found "pissa_niter_16"; allowed: pissa; a randomised' in error.value.lines[0]
