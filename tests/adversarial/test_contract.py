"""What every adversarial training promises, on a small model for each task, with full tuning and LoRA."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tuneproof import adversarial
from tuneproof.adversarial import ADVERSARIAL
from tuneproof.adversarial.embeddings import Embeddings, norm, project, unit, unit_by_largest
from tuneproof.train.divergence import divergence, symmetric

TASKS = ("classification", "regression", "ner")
SETTINGS = {
    "fgm": {"epsilon": 0.1},
    "pgd": {"epsilon": 0.1, "step_size": 0.04, "steps": 3},
    "freelb": {"epsilon": 0.1, "step_size": 0.04, "steps": 3, "start": 0.05},
    "smart": {"epsilon": 0.02, "step_size": 0.01, "noise": 0.01, "steps": 2},
    "vat": {"epsilon": 0.3, "probe": 0.05, "iterations": 2},
}


def spy(step: Any) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Records the perturbation of every later pass of a step that has one, and the logits of every pass."""
    moves, logits = [], []
    outputs, embed = step.outputs, step.model.get_input_embeddings()

    def recorded(inputs: Any = None) -> Any:
        if inputs is not None and "inputs_embeds" in inputs:
            moves.append((inputs["inputs_embeds"] - embed(step.inputs["input_ids"])).detach())
        found = outputs(inputs)
        logits.append(found.logits.detach())
        return found

    step.outputs = recorded
    return moves, logits


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def quiet_loss(step: Any) -> float:
    """The loss without dropout."""
    step.model.eval()
    with torch.no_grad():
        loss = step.loss().item()
    step.model.train()
    return loss


@pytest.mark.parametrize("tuning", ["full", "lora", "prefix", "probe"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_perturbations_stay_where_they_may(name: str, task: str, tuning: str, tiny_step: Callable) -> None:
    step = tiny_step(task, tuning)
    before = {key: value.clone() for key, value in step.model.state_dict().items()}
    plain = step.loss().detach()
    moves, _ = spy(step)
    torch.manual_seed(1)
    loss = adversarial.get(name)(**SETTINGS[name]).backward(step, 1.0)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, plain)
    assert all(torch.equal(before[key], value) for key, value in step.model.state_dict().items())
    free = step.perturbable()
    assert not free.all()
    assert moves
    for move in moves:
        assert (move[~free] == 0).all()
    last = moves[-1]
    assert (last[free].abs().amax(-1) > 0).all()
    largest = last.abs().amax((1, 2)) if name == "smart" else norm(last).flatten()
    assert (largest <= SETTINGS[name]["epsilon"] * (1 + 1e-3)).all()
    found = gradients(step.model)
    assert found
    assert all(gradient.isfinite().all() for gradient in found.values())
    learn = {key for key, parameter in step.model.named_parameters() if parameter.requires_grad}
    assert found.keys() <= learn


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_gradients_are_those_of_the_formula(name: str, task: str, tuning: str, tiny_step: Callable) -> None:
    """Computed again from the points that were visited: ascent passes leave nothing behind."""
    step = tiny_step(task, tuning)
    opponent: Any = adversarial.get(name)(**SETTINGS[name])
    moves, _ = spy(step)
    torch.manual_seed(1)
    opponent.backward(step, 2.0)
    found = gradients(step.model)
    step.model.zero_grad()
    del step.outputs  # the spy
    embed, ids = step.model.get_input_embeddings(), step.inputs["input_ids"]

    def at(move: torch.Tensor) -> Any:
        return {"attention_mask": step.inputs["attention_mask"], "inputs_embeds": embed(ids) + move}

    clean = step.outputs()
    if name == "freelb":
        assert len(moves) == opponent.steps
        total = sum(step.loss(at(move)) for move in moves) / opponent.steps
    elif name in ("fgm", "pgd"):
        total = step.loss() + step.loss(at(moves[-1]))
    else:
        moved = step.outputs(at(moves[-1])).logits
        far = (
            symmetric(step, clean.logits, moved) if name == "smart" else divergence(step, clean.logits.detach(), moved)
        )
        total = step.loss() + opponent.weight * far
    (2.0 * total).backward()
    expected = gradients(step.model)
    assert found.keys() == expected.keys()
    for key, gradient in found.items():
        torch.testing.assert_close(gradient, expected[key], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["pgd", "freelb"])
def test_ascent_raises_the_loss(name: str, tiny_step: Callable) -> None:
    step = tiny_step("classification")
    moves, _ = spy(step)
    adversarial.get(name)(epsilon=1.0, step_size=0.1, steps=4).backward(step, 1.0)
    embed, ids = step.model.get_input_embeddings(), step.inputs["input_ids"]
    with torch.no_grad():
        path = [
            step.loss({"attention_mask": step.inputs["attention_mask"], "inputs_embeds": embed(ids) + move})
            for move in list(moves)  # the spy goes on
        ]
    assert path == sorted(path)
    assert path[-1] > step.loss()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["smart", "vat"])
def test_the_direction_found_changes_more_than_a_random_one(name: str, task: str, tiny_step: Callable) -> None:
    step = tiny_step(task)
    moves, logits = spy(step)
    adversarial.get(name)().backward(step, 1.0)
    embed, ids, move = step.model.get_input_embeddings(), step.inputs["input_ids"], moves[-1]
    noise = torch.where(step.perturbable()[..., None], torch.randn_like(move), 0.0)
    length = unit_by_largest if name == "smart" else unit
    noise = length(noise) * (move.abs().amax((1, 2), keepdim=True) if name == "smart" else norm(move))
    random = step.outputs({"attention_mask": step.inputs["attention_mask"], "inputs_embeds": embed(ids) + noise})
    assert symmetric(step, logits[0], logits[-2]) > 1.5 * symmetric(step, logits[0], random.logits.detach())


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_steps_lower_the_loss_and_a_seed_fixes_the_weights(
    name: str, task: str, tuning: str, tiny_step: Callable
) -> None:
    ends = []
    for _ in range(2):
        step = tiny_step(task, tuning, dropout=0.05)
        opponent = adversarial.get(name)()
        learn = [parameter for parameter in step.model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learn, lr=1e-3 if tuning == "full" else 1e-2)
        before = quiet_loss(step)
        torch.manual_seed(3)
        for _ in range(2):
            opponent.backward(step, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        assert quiet_loss(step) < before
        ends.append(torch.cat([parameter.detach().flatten() for parameter in learn]))
    assert torch.equal(*ends)


def test_passes_draw_equal_dropout_and_the_generator_goes_on(tiny_step: Callable) -> None:
    step = tiny_step("classification", dropout=0.3)
    torch.manual_seed(2)
    rows = Embeddings(step)
    still = torch.zeros(*rows.ids.shape, rows.width)
    with rows.equal_dropout():
        one, two, moved = step.loss(rows.clean()), step.loss(rows.at(still)), step.loss(rows.at(still))
    torch.testing.assert_close(one, two)
    assert torch.equal(two, moved)
    behind = torch.rand(1)
    torch.manual_seed(2)
    torch.randint(2**62, (1,))
    assert torch.equal(torch.rand(1), behind)
    assert not torch.equal(step.loss(rows.clean()), step.loss(rows.clean()))


def test_norms_are_of_each_row() -> None:
    torch.manual_seed(0)
    r = torch.randn(3, 4, 5) * torch.tensor([1e-3, 1.0, 0.0])[:, None, None]
    assert unit(r).flatten(1).norm(dim=1).tolist() == pytest.approx([1, 1, 0])
    assert unit_by_largest(r).abs().amax((1, 2)).tolist() == pytest.approx([1, 1, 0])
    inside = project(r, 0.5)
    assert torch.equal(inside[0], r[0])
    assert inside[1].norm().item() == pytest.approx(0.5)
    torch.testing.assert_close(unit(inside)[1], unit(r)[1])


def test_importing_imports_no_heavy_library_and_all_say_what_they_are() -> None:
    modules = sorted({entry.partition(":")[0] for entry in ADVERSARIAL.values()})
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules!r}]; "
        "print(*({'torch', 'peft', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
    for name in ADVERSARIAL:
        kind = adversarial.get(name)
        assert kind.idea.endswith(".")
        assert "arXiv" in kind.paper
