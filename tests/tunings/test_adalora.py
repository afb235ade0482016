"""AdaLoRA's schedule is really run, and what it leaves is really saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import BertConfig, BertForSequenceClassification

from tuneproof import tasks
from tuneproof.tunings.adalora import AdaLora, Schedule

MATRICES = 4  # query and value of two layers
TASK = tasks.get("classification")


def tiny(seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=32,
        )
    )  # fmt: skip


def train(tuning: AdaLora, total_steps: int, steps: int | None = None) -> tuple[Any, list[int]]:
    """The model after some steps, and how many entries of Λ were not zero after each."""
    model = tuning.attach(tiny(), TASK, total_steps=total_steps).eval()
    ids, labels = torch.arange(48).reshape(8, 6), torch.arange(8) % 2
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    ranks = []
    for step in range(1, (steps or total_steps) + 1):
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids).logits, labels) + tuning.penalty(model)
        loss.backward()
        optimizer.step()
        tuning.after_step(model, step)
        optimizer.zero_grad(set_to_none=True)
        ranks.append(sum(singular(model).values()))
    return model, ranks


def singular(model: Any) -> dict[str, int]:
    return {name: int((p != 0).sum()) for name, p in model.named_parameters() if ".lora_E." in name}


@pytest.mark.parametrize("total_steps", [2, 3, 4, 7, 20, 61])
def test_budget_goes_from_initial_to_target_rank(total_steps: int) -> None:
    _, ranks = train(AdaLora(rank=3, initial_rank=5), total_steps)
    assert max(ranks) <= MATRICES * 5
    assert ranks[-1] == MATRICES * 3
    if total_steps >= 20:
        assert ranks[0] == MATRICES * 5  # the warm start
        assert len(set(ranks)) > 3  # taken away step by step
        last = ranks[-(total_steps // 2) :]
        assert set(last) == {MATRICES * 3}  # then kept


def test_ranks_move_between_layers() -> None:
    model, _ = train(AdaLora(rank=3, initial_rank=6), 40)
    assert len(set(singular(model).values())) > 1


def test_one_step_fit_runs() -> None:
    train(AdaLora(), 1)


@pytest.mark.parametrize("total_steps", [1, 2, 3, 4, 9, 20, 333, 1999, 20_000])
def test_peft_accepts_the_schedule(total_steps: int) -> None:
    """peft's allocator breaks where it must take away no rank, or before it knows any importance."""
    tuning = AdaLora()
    model: Any = tuning.attach(tiny(), TASK, total_steps=total_steps)
    allocator, schedule = model.base_model.rankallocator, Schedule.of(total_steps)
    start, end = MATRICES * tuning.initial_rank, MATRICES * tuning.rank
    allocations = 0
    for step in range(1, schedule.total - schedule.final + 1):
        budget, allocates = allocator.budget_schedule(step)
        assert end <= budget <= start
        assert not allocates or budget < start
        allocations += allocates
    assert budget == end
    assert schedule.total - schedule.final >= 2
    assert allocations >= min(schedule.total // 3, 300)


def test_saved_ranks_reload_exactly(tmp_path: Path, batchless: torch.Tensor) -> None:
    """At the end, and in the middle, where ranks revive between allocations and early stopping may put weights back."""
    for total, steps in ((20, 20), (40, 11), (20, 1)):
        folder = tmp_path / f"{total}-{steps}"
        tuning = AdaLora(rank=3, initial_rank=6)
        model, _ = train(tuning, total, steps)
        before = model.peft_config["default"].rank_pattern
        tuning.save(model, folder)
        assert model.peft_config["default"].rank_pattern == before
        reloaded = tuning.load(tiny(seed=9), TASK, folder)
        # the body of `tiny` is drawn from its seed too
        reloaded.base_model.model.bert.load_state_dict(model.base_model.model.bert.state_dict(), strict=False)
        pattern = json.loads((folder / "adapter_config.json").read_text())["rank_pattern"]
        assert [sum(kept) for kept in pattern.values()] == list(singular(model).values())
        assert singular(reloaded) == singular(model)
        with torch.no_grad():
            assert torch.equal(reloaded.eval()(batchless).logits, model.eval()(batchless).logits)


@pytest.fixture
def batchless() -> torch.Tensor:
    return torch.arange(40).reshape(4, 10)


def test_penalty_is_the_mean_distance_from_orthogonality() -> None:
    tuning = AdaLora(rank=1, initial_rank=2, orthogonality=0.5)
    model = tuning.attach(tiny(), TASK, total_steps=10)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_A." in name:
                parameter.copy_(torch.eye(2, 32))  # orthonormal: distance 0
            if ".lora_B." in name:
                parameter.copy_(2 * torch.eye(32, 2))  # Gram matrix 4 I: distance ‖3 I‖ = 3 √2
    assert tuning.penalty(model).item() == pytest.approx(0.5 * (0 + 3 * 2**0.5) / 2)
    tuning.penalty(model).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (".lora_A." in name or ".lora_B." in name)
        assert parameter.grad is None or parameter.grad.isfinite().all()


def test_initial_rank_must_be_larger() -> None:
    with pytest.raises(ValidationError, match="initial_rank: found 8; allowed: above rank"):
        AdaLora(rank=8, initial_rank=8)


def test_plain_peft_loads_the_ranks_that_are_left(
    fresh: Callable, batch: Callable, loss_of: Callable, tmp_path: Path
) -> None:
    """On the real model, twenty steps: 12 × 8 ranks are left, and peft rebuilds just these."""
    from peft import PeftModel

    tuning, inputs = AdaLora(), batch("classification")
    model = tuning.attach(fresh("classification"), TASK, total_steps=20).eval()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in range(1, 21):
        loss_of(model, inputs).backward()
        optimizer.step()
        tuning.after_step(model, step)
        optimizer.zero_grad()
    tuning.save(model, tmp_path)
    plain = PeftModel.from_pretrained(fresh("classification", seed=4), tmp_path)
    assert sum(p.shape[0] for n, p in plain.named_parameters() if ".lora_E." in n) == 12 * 8
    features = {key: value for key, value in inputs.items() if key != "labels"}
    with torch.no_grad():
        torch.testing.assert_close(plain.eval()(**features).logits, model(**features).logits)
        again = tuning.load(fresh("classification", seed=4), TASK, tmp_path).eval()
        assert torch.equal(again(**features).logits, model(**features).logits)
