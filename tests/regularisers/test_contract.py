"""What every regulariser promises, on a small model for each task, with full tuning and LoRA."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch

from tuneproof import adversarial, params, regularisers, settings, strict_yaml
from tuneproof.errors import ParamsError
from tuneproof.regularisers import REGULARISERS
from tuneproof.train.model import learned

TASKS = ("classification", "regression", "ner")
CASES = [
    (name, task, tuning)
    for name in sorted(REGULARISERS)
    for task in TASKS
    for tuning in ("full", "lora")
    if task in regularisers.get(name).tasks and (name, tuning) != ("mixout", "lora")  # LoRA's body does not learn
]


def hooks(model: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules())


def descend(step: Any, opponent: Any = None, *, steps: int, rate: float = 1e-3) -> list[float]:
    """Optimizer steps as the training loop takes them; returns their losses."""
    optimizer = torch.optim.AdamW(learned(step.model).values(), lr=rate, weight_decay=0.0)
    losses = []
    for number in range(1, steps + 1):
        with ExitStack() as around:
            for part in step.regularisers:
                around.enter_context(part.during(step))
            if opponent is None:
                loss = step.loss()
                loss.backward()
            else:
                loss = opponent.backward(step, 1.0)
        for part in step.regularisers:
            part.before_step(step.model)
        optimizer.step()
        for part in step.regularisers:
            part.after_step(step.model, number)
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return losses


def plain_loss(step: Any) -> float:
    """The task's own loss without dropout."""
    step.model.eval()
    with torch.no_grad():
        loss = step.task.loss(step.model(**step.inputs).logits, step.labels)
    step.model.train()
    return float(loss)


@pytest.mark.parametrize(("name", "task", "tuning"), CASES)
def test_passes_leave_the_model_as_it_was(name: str, task: str, tuning: str, tiny_step: Callable) -> None:
    part = regularisers.get(name)()
    step = tiny_step(task, tuning, [part], dropout=0.1)
    assert part.skip(step.task, step.model) is None
    step.outputs()  # transformers' own hooks stay, where hidden states are asked for
    before = {key: value.clone() for key, value in step.model.state_dict().items()}
    pointers = {key: value.data_ptr() for key, value in step.model.named_parameters()}
    count = hooks(step.model)
    with part.during(step):
        loss = step.loss()
        loss.backward()
    part.before_step(step.model)
    assert loss.isfinite()
    assert hooks(step.model) == count
    assert all(torch.equal(before[key], value) for key, value in step.model.state_dict().items())
    assert pointers == {key: value.data_ptr() for key, value in step.model.named_parameters()}
    found = {key: parameter.grad for key, parameter in step.model.named_parameters() if parameter.grad is not None}
    assert found
    assert found.keys() <= learned(step.model).keys()
    assert all(gradient.isfinite().all() for gradient in found.values())


@pytest.mark.parametrize(("name", "task", "tuning"), CASES)
def test_steps_lower_the_loss_and_a_seed_fixes_the_weights(
    name: str, task: str, tuning: str, tiny_step: Callable
) -> None:
    ends = []
    for _ in range(2):
        step = tiny_step(task, tuning, [regularisers.get(name)()], dropout=0.05)
        before = plain_loss(step)
        torch.manual_seed(3)
        descend(step, steps=4, rate=1e-3 if tuning == "full" else 1e-2)
        assert plain_loss(step) < before
        part = step.regularisers[0]
        ends.append([*learned(step.model).values(), *part.averaged().values(), *part.state().values()])
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))


@pytest.mark.parametrize("opponent", ["fgm", "freelb", "smart", "vat"])
@pytest.mark.parametrize("name", ["mixout", "mixup", "rdrop", "supcon", "label-smoothing", "l2-sp"])
def test_beside_adversarial_training(name: str, opponent: str, tiny_step: Callable) -> None:
    step = tiny_step("classification", "full", [regularisers.get(name)()], dropout=0.05)
    before, _ = plain_loss(step), step.outputs()
    count = hooks(step.model)
    torch.manual_seed(3)
    descend(step, adversarial.get(opponent)(), steps=3)
    assert plain_loss(step) < before
    assert hooks(step.model) == count


def test_many_at_once(tiny_step: Callable) -> None:
    names = ("rdrop", "mixup", "mixout", "l2-sp", "child-tuning", "ema")
    step = tiny_step("ner", "full", [regularisers.get(name)() for name in names], dropout=0.05)
    before = plain_loss(step)
    torch.manual_seed(3)
    descend(step, steps=8)
    assert plain_loss(step) < before


def test_importing_imports_no_heavy_library_and_all_say_what_they_are() -> None:
    modules = sorted({entry.partition(":")[0] for entry in REGULARISERS.values()})
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules!r}]; "
        "print(*({'torch', 'peft', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
    for name in REGULARISERS:
        kind = regularisers.get(name)
        assert kind.idea.endswith(".")
        assert "arXiv" in kind.paper


# which may be used together


@pytest.fixture
def content() -> Any:
    return strict_yaml.read(params.Path(__file__).parents[2] / "params.yaml")


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["ema", "swa"], "found ema and swa, which each average the weights; allowed: one of them"),
        (["label-smoothing", "ema", "mixup"], "found label-smoothing and mixup, which each replace the loss"),
        (["rdrop", "rdrop"], "found rdrop twice; allowed: each regulariser once"),
        (["mixup", "supcon"], "found mixup and supcon, which make no sense together"),
    ],
)
def test_what_cannot_be_used_together_is_one_line(names: list[str], line: str, content: Any) -> None:
    content["methods"]["both"] = {"tuning": "full", "regularisers": names}
    with pytest.raises(ParamsError) as error:
        params.check(content)
    assert str(error.value).startswith(f"params.yaml: methods.both.regularisers: {line}")
    assert "\n" not in str(error.value)


def test_a_method_runs_where_its_regularisers_are_defined(content: Any) -> None:
    content["methods"] = {
        "full": {"tuning": "full"},
        "probe": {"tuning": "probe"},
        "both": {"tuning": "full", "regularisers": ["rdrop", {"name": "supcon", "temperature": 0.1}]},
    }
    content["ensembles"] = {}
    plan = settings.plan(params.check(content))
    assert [cell.dataset for cell in plan.cells if cell.method == "both"] == ["movie-sentiment"]
    left_out = {entry["dataset"]: entry["reason"] for entry in plan.left_out if entry["method"] == "both"}
    assert left_out["tweet-ner"] == "supcon is for classification, not for ner"


def test_a_tuning_with_a_loss_of_its_own_has_it_not_replaced(content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuneproof import tunings

    content["methods"] = {
        name: {"tuning": "full", "regularisers": [name]} for name in ("label-smoothing", "ema", "mixup", "rdrop")
    }
    content["methods"] |= {name: {"tuning": "full", "adversarial": name} for name in ("pgd", "vat")}
    content["datasets"] = {"movie-sentiment": content["datasets"]["movie-sentiment"]}
    content["ensembles"] = {}
    checked = params.check(content)
    monkeypatch.setattr(tunings.get("full"), "objective", lambda self, step, outputs: None)
    plan = settings.plan(checked)
    assert [cell.method for cell in plan.cells] == ["ema", "pgd"]
    reason = "full learns from a loss of its own, and label-smoothing is about the task's"
    assert plan.left_out[0]["reason"] == reason
