"""Other encoders than BERT: tiny random models of each family. A tuning learns there, or says why not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tuneproof import tasks, tunings
from tuneproof.errors import MethodError
from tuneproof.train.batches import Tokens
from tuneproof.tunings import TUNINGS, structure
from tuneproof.tunings.base import Material

WIDTH, INNER, LAYERS = 32, 64, 2
SIZES = {
    "vocab_size": 60, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4,
    "intermediate_size": INNER, "max_position_embeddings": 64,
}  # fmt: skip
CONFIGS: dict[str, Callable[[], Any]] = {
    "albert": lambda: transformers.AlbertConfig(**SIZES, embedding_size=16),
    "deberta": lambda: transformers.DebertaConfig(**SIZES, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "deberta-v2": lambda: transformers.DebertaV2Config(**SIZES, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "distilbert": lambda: transformers.DistilBertConfig(
        vocab_size=60, dim=WIDTH, n_layers=LAYERS, n_heads=4, hidden_dim=INNER, max_position_embeddings=64
    ),
    "electra": lambda: transformers.ElectraConfig(**SIZES, embedding_size=16),
    "modernbert": lambda: transformers.ModernBertConfig(
        **SIZES, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
    ),
    "mpnet": lambda: transformers.MPNetConfig(**SIZES),
    "roberta": lambda: transformers.RobertaConfig(**SIZES),
    "xlm-roberta": lambda: transformers.XLMRobertaConfig(**SIZES),
}
SKIPPED = {
    **{("prefix", name): "takes no past keys and values" for name in
       ("albert", "deberta", "deberta-v2", "distilbert", "modernbert", "mpnet")},
    ("bitfit", "modernbert"): "has no bias terms",
    ("partial", "albert"): "has 1 layers with parameters of their own; needed: 2",
    # fused projections: there are no keys and values of their own to rescale
    ("ia3", "modernbert"): "no attention layers found by name",
}  # fmt: skip


def make(family: str, task: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = CONFIGS[family]()
    config.num_labels = 3
    return getattr(transformers, tasks.get(task).auto_class).from_config(config, attn_implementation="eager")


ON_EMBEDDINGS = {"cloze", "cloze-zero-shot", "knn", "logistic", "nearest-mean", "nn-tagger", "setfit", "zero-shot"}
"""These bring a head of their own, and have tests of their own."""


@pytest.mark.parametrize("task", ["classification", "ner"])
@pytest.mark.parametrize("family", sorted(CONFIGS))
@pytest.mark.parametrize("name", sorted(set(TUNINGS) - ON_EMBEDDINGS))
def test_learns_and_reloads_or_says_why_not(name: str, family: str, task: str, tmp_path: Path) -> None:
    tuning, kind = tunings.get(name)(), tasks.get(task)
    base = make(family, task)
    heads = set(structure.head_modules(base))
    reason = tuning.skip(kind, base)
    if (name, family) in SKIPPED:
        assert reason is not None
        assert SKIPPED[name, family] in reason
        return
    assert reason is None
    body = {key: value.clone() for key, value in base.base_model.state_dict().items()}
    model = tuning.attach(base, kind, total_steps=40).eval()  # AdaLoRA keeps all ranks for 4 steps
    inputs = {"input_ids": torch.arange(3, 59).reshape(4, 14), "attention_mask": torch.ones(4, 14, dtype=torch.long)}

    learn = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    for head in heads:
        assert any(f"{head}." in key for key in learn)
    optimizer = torch.optim.AdamW(learn.values(), lr=1e-2)
    seen: set[str] = set()
    for step in (1, 2, 3):
        tuning.before_step(model, step, 3)
        model(**inputs).logits.logsumexp(-1).sum().backward()
        seen |= {key for key, parameter in learn.items() if parameter.grad is not None and parameter.grad.any()}
        optimizer.step()
        tuning.after_step(model, step)
        optimizer.zero_grad()
    # these reach parameters that a forward pass may not use, or that cancel out
    if name not in ("full", "gradual", "layerwise", "partial", "bitfit"):
        assert seen == learn.keys()

    tuning.save(model, tmp_path)
    again = make(family, task, seed=1)
    again.base_model.load_state_dict(body)
    again = tuning.load(again, kind, tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again(**inputs).logits, model(**inputs).logits)


@pytest.mark.parametrize("task", ["classification", "ner"])
@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_embeddings_of_any_family_take_a_head(family: str, task: str, tmp_path: Path) -> None:
    """Logistic regression fits four rows far better than chance (a third), and the checkpoint holds all of it."""
    tuning, kind = tunings.get("logistic")(), tasks.get(task)
    base = make(family, task)
    body = {key: value.clone() for key, value in base.base_model.state_dict().items()}
    ids = [np.arange(3 + 14 * row, 17 + 14 * row - row) for row in range(4)]
    answers: list[Any] = [0, 1, 2, 1] if task == "classification" else [row % 3 for row in ids]
    tokens = Tokens([*"abcd"], {"input_ids": ids, "labels": answers})
    model = tuning.attach(base, kind, total_steps=1).eval()
    tuning.settle(model, kind, Material(tokens, [*"xyz"], tmp_path, "fp32"), 1e4)
    batch = tokens.collate(np.arange(4), 0, torch.device("cpu"))
    truth = batch.pop("labels")
    with torch.no_grad():
        logits = model(**batch).logits
    assert (logits.argmax(-1) == truth)[truth >= 0].float().mean() > 0.5

    tuning.save(model, tmp_path)
    again = make(family, task, seed=1)
    again.base_model.load_state_dict(body)
    again = tuning.load(again, kind, tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again(**batch).logits, logits)


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_layers_are_found_by_name(family: str) -> None:
    """Two output projections a layer, of the right shapes; ALBERT shares one layer."""
    model = make(family, "ner")
    layers = 1 if family == "albert" else LAYERS
    attention = structure.linears(model, "attention_output")
    feed_forward = structure.linears(model, "feed_forward_output")
    first = structure.linears(model, "feed_forward_input")
    assert len(attention) == len(first) == len(feed_forward) == layers
    assert {linear.in_features for linear in first.values()} == {WIDTH}
    assert {(linear.in_features, linear.out_features) for linear in attention.values()} == {(WIDTH, WIDTH)}
    assert {(linear.in_features, linear.out_features) for linear in feed_forward.values()} == {(INNER, WIDTH)}
    if family not in ("deberta", "modernbert"):
        assert len(structure.linears(model, "query", "value")) == 2 * layers


def test_pfeiffer_has_half_the_bottlenecks() -> None:
    from tuneproof.tunings.adapter import Adapter
    from tuneproof.tunings.bottleneck import Bottleneck

    for placement, expected in (("houlsby", 2 * LAYERS), ("pfeiffer", LAYERS)):
        model = Adapter(placement=placement, size=4).attach(make("roberta", "ner"), tasks.get("ner"), total_steps=1)
        found = [module for module in model.modules() if isinstance(module, Bottleneck)]
        assert len(found) == expected
        norms = [p for n, p in model.named_parameters() if "LayerNorm" in n and p.requires_grad]
        assert len(norms) == (4 * LAYERS if placement == "houlsby" else 0)


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_parallel_bottlenecks_stand_beside_the_feed_forward_part(family: str, tmp_path: Path) -> None:
    """They start as nothing, then add scaling · up(relu(down(x))) with x the part's input; saved and loaded exactly."""
    from tuneproof.tunings.adapter import Adapter
    from tuneproof.tunings.bottleneck import Parallel, Tap

    task, tuning = tasks.get("ner"), Adapter(placement="parallel", size=4, scaling=2.0)
    ids = torch.arange(3, 43).reshape(4, 10)
    before = make(family, "ner").eval()(input_ids=ids).logits
    model = tuning.attach(make(family, "ner"), task, total_steps=1).eval()
    assert torch.equal(model(input_ids=ids).logits, before)
    found = [module for module in model.modules() if isinstance(module, Parallel)]
    assert len(found) == (1 if family == "albert" else LAYERS)
    learn = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    heads = tuple(f"{head}." for head in structure.head_modules(model))
    assert all(name.startswith(heads) or ".up." in name or ".down." in name for name in learn)

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):
        model(input_ids=ids).logits.logsumexp(-1).sum().backward()
        optimizer.step()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in found[0].up.parameters())
    assert found[0].down.weight.grad is not None
    x, between = torch.randn(5, WIDTH), torch.randn(5, INNER)
    found[0].taps[0].seen = x
    by_hand = torch.relu(x @ found[0].down.weight.T + found[0].down.bias) @ found[0].up.weight.T + found[0].up.bias
    torch.testing.assert_close(found[0](between), found[0].inner(between) + 2.0 * by_hand)
    assert all(module.seen is None for module in model.modules() if isinstance(module, Tap))

    tuning.save(model, tmp_path)
    again = tuning.load(make(family, "ner"), task, tmp_path).eval()
    copied = copy.deepcopy(again)
    with torch.no_grad():
        expected = model(input_ids=ids).logits
        assert torch.equal(again(input_ids=ids).logits, expected)
        assert torch.equal(copied(input_ids=ids).logits, expected)


def test_adapter_starts_near_identity() -> None:
    from tuneproof.tunings.adapter import Adapter

    model = make("roberta", "ner").eval()
    ids = torch.arange(3, 23).reshape(2, 10)
    before = model(input_ids=ids).logits
    after = Adapter().attach(model, tasks.get("ner"), total_steps=1)(input_ids=ids).logits
    torch.testing.assert_close(after, before, atol=0.01, rtol=0)
    assert not torch.equal(after, before)


def test_a_model_without_a_head_is_refused() -> None:
    model = transformers.BertModel(transformers.BertConfig(**SIZES))
    with pytest.raises(MethodError, match="BertModel has no head"):
        structure.head_modules(model)
