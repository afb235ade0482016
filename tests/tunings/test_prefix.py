"""The prefix is really read, also in token classification, where it was once ignored without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForTokenClassification, RobertaConfig, RobertaForTokenClassification

from tuneproof import tasks
from tuneproof.errors import MethodError
from tuneproof.tunings import room
from tuneproof.tunings.prefix import Prefix

SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
}  # fmt: skip


def features(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in inputs.items() if key != "labels"}


@pytest.mark.parametrize("task", ["classification", "ner"])
def test_prefix_changes_logits_and_learns(task: str, fresh: Callable, batch: Callable, loss_of: Callable) -> None:
    plain, inputs = fresh(task).eval(), batch(task)
    with torch.no_grad():
        without = plain(**features(inputs)).logits
    model: Any = Prefix().attach(fresh(task), tasks.get(task), total_steps=1).eval()
    assert model(**features(inputs)).logits.shape == without.shape
    assert (model(**features(inputs)).logits - without).abs().max() > 0.01
    loss_of(model, inputs).backward()
    gradient = model.prompt_encoder["default"].embedding.weight.grad
    layers = gradient.reshape(20, 6, 2, 384).abs().sum(dim=(0, 3))
    assert (layers > 0).all()  # keys and values of every layer


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_padding_does_not_count(precision: torch.dtype, fresh: Callable, batch: Callable) -> None:
    inputs = features(batch("ner"))
    length = int(inputs["attention_mask"][0].sum())
    assert length < inputs["input_ids"].shape[1]
    model = Prefix().attach(fresh("ner"), tasks.get("ner"), total_steps=1).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        alone = model(**{key: value[:1, :length] for key, value in inputs.items()}).logits[0]
        padded = model(**inputs).logits[0, :length]
    tolerance = 1e-5 if precision == torch.float32 else 0.05
    torch.testing.assert_close(alone.float(), padded.float(), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    ("model", "longest"),
    [
        (lambda: BertForTokenClassification(BertConfig(**SIZES, max_position_embeddings=50)), 30),
        (lambda: RobertaForTokenClassification(RobertaConfig(**SIZES, max_position_embeddings=50)), 28),
    ],
)
def test_text_must_fit_beside_the_prefix(model: Callable[[], Any], longest: int) -> None:
    base = model()
    assert room.longest(base, 20) == longest
    tuned = Prefix().attach(base, tasks.get("ner"), total_steps=1)
    tuned(input_ids=torch.full((2, longest), 7), attention_mask=torch.ones(2, longest, dtype=torch.long))
    with pytest.raises(MethodError, match=f"allowed: max_length up to {longest}"):
        tuned(input_ids=torch.full((2, longest + 1), 7))
    with pytest.raises(MethodError, match=f"allowed: max_length up to {longest}"):
        tuned(inputs_embeds=torch.zeros(2, longest + 1, 32))


def test_too_long_a_prefix_is_skipped() -> None:
    base = BertForTokenClassification(BertConfig(**SIZES, max_position_embeddings=50))
    assert Prefix(tokens=34).skip(tasks.get("ner"), base) is None
    assert Prefix(tokens=35).skip(tasks.get("ner"), base) == "35 virtual tokens leave 15 positions for text; needed: 16"
    with pytest.raises(MethodError, match="35 virtual tokens"):
        Prefix(tokens=35).attach(base, tasks.get("ner"), total_steps=1)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("task", ["classification", "ner"])
def test_reparametrised_prefix_learns_and_is_saved_without_its_network(
    task: str, precision: torch.dtype, fresh: Callable, batch: Callable, loss_of: Callable, tmp_path: Path
) -> None:
    from peft import PeftModel

    tuning, inputs = Prefix(reparametrise=True), batch(task)
    model: Any = tuning.attach(fresh(task), tasks.get(task), total_steps=3).eval()
    encoder = model.prompt_encoder["default"]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 20 * 384 + 384 * 385 + 385 * 6 * 2 * 384
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(3):
        loss = loss_of(model, inputs)
        losses.append(loss.item())
        loss.backward()
        for name, parameter in encoder.named_parameters():
            assert parameter.grad.abs().sum() > 0, name
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]

    tuning.save(model, tmp_path)
    again = tuning.load(fresh(task, seed=4), tasks.get(task), tmp_path).eval()
    plain = PeftModel.from_pretrained(fresh(task, seed=5), tmp_path).eval()
    assert sum(parameter.numel() for parameter in again.prompt_encoder["default"].parameters()) == 20 * 6 * 2 * 384
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        expected = model(**features(inputs)).logits
        assert torch.equal(again(**features(inputs)).logits, expected)
        assert torch.equal(plain(**features(inputs)).logits, expected)
        one = {key: value[:1] for key, value in features(inputs).items()}
        assert torch.equal(again(**one).logits, model(**one).logits)


def test_reparametrised_prefix_is_the_network_s_answer_by_hand(fresh: Callable) -> None:
    """tanh between two linear layers; keys and values of all layers side by side, the same in every row."""
    torch.manual_seed(0)
    model: Any = Prefix(reparametrise=True).attach(fresh("ner"), tasks.get("ner"), total_steps=1).eval()
    encoder = model.prompt_encoder["default"]
    first, _, second = encoder.transform.inner
    by_hand = torch.tanh(encoder.embedding.weight @ first.weight.T + first.bias) @ second.weight.T + second.bias
    found = encoder(torch.arange(20).expand(3, 20))
    assert found.shape == (3, 20, 6 * 2 * 384)
    for row in found:
        torch.testing.assert_close(row, by_hand)
