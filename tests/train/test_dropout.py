"""Dropout masks: the promised rate, scaling and gradients, fixed by torch's seed; attention otherwise unchanged."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tuneproof.train.dropout import ATTENTION, Dropout, dropout, install


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_rate_and_scale(rate, kind):
    torch.manual_seed(0)
    out = dropout(torch.ones(400, 500, dtype=kind), rate, True)
    dropped = (out == 0).float().mean().item()
    assert dropped == pytest.approx(rate, abs=0.005)
    kept = out[out != 0].float()
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=5e-3)


def test_gradients_pass_where_values_do():
    values = torch.ones(50, 50, requires_grad=True)
    out = dropout(values, 0.3, True)
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())


def test_torchs_seed_fixes_the_masks_and_masks_differ():
    def masks():
        torch.manual_seed(3)
        return [dropout(torch.ones(100), 0.5, True) for _ in range(2)]

    first, again = masks(), masks()
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(*first)


def test_masks_are_independent():
    torch.manual_seed(0)
    kept = torch.stack([dropout(torch.ones(2000), 0.5, True) > 0 for _ in range(20)]).float()
    correlation = torch.corrcoef(kept) - torch.eye(20)
    assert correlation.abs().max() < 0.12
    assert torch.corrcoef(torch.stack([kept[:, :-1].flatten(), kept[:, 1:].flatten()]))[0, 1].abs() < 0.02


def test_nothing_happens_in_evaluation():
    values = torch.randn(10)
    assert dropout(values, 0.5, False) is values
    assert Dropout(0.5).eval()(values) is values


def test_attention_is_the_models_own_but_for_dropout(minilm):
    model = AutoModelForSequenceClassification.from_pretrained(minilm, attn_implementation="eager").eval()
    batch = {
        "input_ids": torch.tensor([[101, 2307, 2143, 102, 0, 0], [101, 1037, 2919, 2028, 999, 102]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]),
    }
    with torch.inference_mode():
        before = model(**batch).logits
        install(model)
        assert model.config._attn_implementation == ATTENTION
        assert torch.equal(model(**batch).logits, before)
    model.train()
    torch.manual_seed(0)
    assert not torch.equal(model(**batch).logits, before)
    assert not any(type(module) is torch.nn.Dropout for module in model.modules())
