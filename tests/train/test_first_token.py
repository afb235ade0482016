"""The last layer for the first token alone gives what the whole layer gives, and steps aside where it must."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from tuneproof import tasks, tunings
from tuneproof.train import first_token
from tuneproof.train.dropout import ATTENTION
from tuneproof.train.dropout import install as install_dropout
from tuneproof.train.model import load_base

FAMILIES = {
    "bert": ("BertConfig", "BertForSequenceClassification"),
    "roberta": ("RobertaConfig", "RobertaForSequenceClassification"),
    "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaForSequenceClassification"),
    "camembert": ("CamembertConfig", "CamembertForSequenceClassification"),
    "electra": ("ElectraConfig", "ElectraForSequenceClassification"),
}


@pytest.fixture(scope="module")
def base(minilm) -> Any:
    return load_base(minilm, tasks.get("classification"), ["no", "yes"], seed=0, dropout=0.0).eval()


def batch(vocabulary: int = 1000) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    ids = torch.randint(5, vocabulary, (3, 7))
    mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] * 3 + [0] * 4])
    return {"input_ids": ids.masked_fill(mask == 0, 1), "attention_mask": mask}


def short(model: Any) -> Any:
    other = copy.deepcopy(model)
    first_token.install(other)
    return other


def gradients(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(**inputs).logits.square().sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_same_logits_and_gradients_on_the_real_model(base) -> None:
    whole, first = copy.deepcopy(base), short(base)
    inputs = batch()
    torch.testing.assert_close(first(**inputs).logits, whole(**inputs).logits, rtol=1e-4, atol=1e-5)
    one, other = gradients(whole, inputs), gradients(first, inputs)
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=1e-3, atol=1e-5, msg=name)


def test_the_last_layer_computes_one_position(base) -> None:
    first = short(base)
    assert first.bert(**batch()).last_hidden_state.shape == (3, 1, 384)
    first_token.show_all(first, wanted=True)
    outputs = first(**batch(), output_hidden_states=True)
    assert outputs.hidden_states[-1].shape == (3, 7, 384)
    assert torch.equal(outputs.logits, base(**batch()).logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_families(family: str) -> None:
    import transformers

    config_class, model_class = FAMILIES[family]
    torch.manual_seed(0)
    config = getattr(transformers, config_class)(
        vocab_size=1000,
        hidden_size=32,
        embedding_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        attn_implementation="eager",
    )
    model = getattr(transformers, model_class)(config).eval()
    install_dropout(model)
    assert model.config._attn_implementation == ATTENTION
    first = short(model)
    assert type(first) is type(model)
    layer = getattr(first, first.base_model_prefix).encoder.layer[-1]
    assert isinstance(layer, first_token._FirstTokenLayer)
    torch.testing.assert_close(first(**batch()).logits, model(**batch()).logits)


@pytest.mark.parametrize("name", ["lora", "adapter", "ia3", "bitfit"])
def test_tunings_inside_the_layer_take_part(name: str, base) -> None:
    torch.manual_seed(0)
    tuned = tunings.get(name)().attach(copy.deepcopy(base), tasks.get("classification"), total_steps=3).eval()
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    logits = tuned(**batch()).logits
    first_token.install(tuned)
    torch.testing.assert_close(tuned(**batch()).logits, logits, rtol=1e-4, atol=1e-4)


def test_prefixes_and_token_heads_keep_the_whole_layer(base, minilm) -> None:
    prefix = tunings.get("prefix")().attach(copy.deepcopy(base), tasks.get("classification"), total_steps=3).eval()
    logits = prefix(**batch()).logits
    first_token.install(prefix)
    assert torch.equal(prefix(**batch()).logits, logits)
    tagger = load_base(minilm, tasks.get("ner"), ["O", "B-x", "I-x"], seed=0)
    first_token.install(tagger)
    assert tagger(**batch()).logits.shape == (3, 7, 3)


def test_dropout_is_still_drawn(base) -> None:
    model = short(base).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.3
    inputs = batch()
    torch.manual_seed(1)
    one = model(**inputs).logits
    assert not torch.equal(one, model(**inputs).logits)
    torch.manual_seed(1)
    assert torch.equal(one, model(**inputs).logits)
