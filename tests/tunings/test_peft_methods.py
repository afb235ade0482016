"""What peft's methods are given: arguments that fit the model, seeds that follow the fit's, decay that does no harm."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForTokenClassification

from tuneproof import tasks, tunings
from tuneproof.errors import TuneproofError
from tuneproof.train.batches import Tokens
from tuneproof.tunings import TUNINGS
from tuneproof.tunings.base import Material
from tuneproof.tunings.lora import Lora
from tuneproof.tunings.peft_support import Widths, divisor
from tuneproof.tunings.peft_tuning import LinearTuning, PeftTuning
from tuneproof.tunings.psoft import FACTORS, Psoft

TASK = tasks.get("ner")
METHODS = sorted(name for name in TUNINGS if issubclass(tunings.get(name), PeftTuning))
LINEAR = [name for name in METHODS if issubclass(tunings.get(name), LinearTuning)]
INPUTS = {"input_ids": torch.arange(3, 45).reshape(3, 14), "attention_mask": torch.ones(3, 14, dtype=torch.long)}


def make(width: int = 32, inner: int = 64, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=50, hidden_size=width, num_hidden_layers=2, num_attention_heads=2, intermediate_size=inner,
        max_position_embeddings=64, num_labels=3,
    )  # fmt: skip
    return BertForTokenClassification(config).eval()


def attached(tuning: Any, base: Any, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return tuning.attach(base, TASK, total_steps=10).eval()


def test_all_of_peft_is_covered() -> None:
    assert {"adalora", "boft", "ia3", "ln-tuning", "lora", "peft", "prefix", "trainable-tokens"} <= set(METHODS)
    assert len(LINEAR) >= 21


@pytest.mark.parametrize("name", [name for name in METHODS if name != "prefix"])
def test_weight_decay_leads_back_to_the_pretrained_model(name: str) -> None:
    """With all that decays at zero, the body is the pre-trained one: decay undoes what was learned, and no more."""
    tuning: Any = tunings.get(name)()
    with torch.no_grad():
        plain = make()(**INPUTS).logits
        model = attached(tuning, make())
        for key, parameter in model.named_parameters():
            if parameter.requires_grad and tuning.decays(key, parameter) and "modules_to_save" not in key:
                assert name != "peft"
                parameter.zero_()
        torch.testing.assert_close(model(**INPUTS).logits, plain, atol=1e-4, rtol=0)


@pytest.mark.parametrize("targets", ["attention", "all-linear"])
@pytest.mark.parametrize("name", LINEAR)
def test_arguments_fit_awkward_widths(name: str, targets: str) -> None:
    """Widths of 36 and 60, which no default block size divides; the head stays out of it, all the rest learns."""
    tuning: Any = tunings.get(name)(targets=targets)
    base = make(36, 60)
    wanted = {
        key
        for key, module in base.named_modules()
        if isinstance(module, torch.nn.Linear)
        and key != "classifier"
        and (targets == "all-linear" or key.endswith((".query", ".value")))
    }
    assert tuning.skip(TASK, base) is None
    model = attached(tuning, base)
    wrapped = [key for key, module in model.named_modules() if hasattr(module, "base_layer")]
    assert {key.removeprefix("base_model.model.") for key in wrapped} == wanted
    learn = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.AdamW(learn.values(), lr=1e-2, weight_decay=0.0)
    seen: set[str] = set()
    for _ in range(3):
        model(**INPUTS).logits.logsumexp(-1).sum().backward()
        seen |= {key for key, parameter in learn.items() if parameter.grad is not None and parameter.grad.any()}
        optimizer.step()
        optimizer.zero_grad()
    assert seen == learn.keys()


def test_blocks_are_divisors() -> None:
    layers: dict[str, Any] = {
        "one": torch.nn.Linear(36, 60), "two": torch.nn.Linear(60, 36), "three": torch.nn.Linear(36, 36),
    }  # fmt: skip
    widths = Widths.of(layers)
    assert widths == Widths(inputs=12, outputs=12, entries=36 * 36)
    assert [divisor(widths.both, limit) for limit in (256, 12, 11, 5, 1)] == [12, 12, 6, 4, 1]
    chosen = {name: tunings.get(name)().options(widths) for name in ("oft", "boft", "c3a", "vblora", "road", "waveft")}
    assert chosen["oft"]["oft_block_size"] == 12
    assert chosen["boft"]["boft_block_size"] == 6
    assert chosen["c3a"]["block_size"] == 12
    assert chosen["vblora"]["vector_length"] == 12
    assert chosen["road"]["group_size"] == 12
    assert chosen["waveft"]["n_frequency"] == 36 * 36


SEEDS = {
    "fourierft": "random_loc_seed", "randlora": "projection_prng_key", "shira": "random_seed",
    "tinylora": "projection_seed", "vera": "projection_prng_key", "waveft": "random_loc_seed",
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDS)
def test_what_is_drawn_and_frozen_follows_the_seed_of_the_fit(name: str) -> None:
    """peft's own defaults are constants, so that all seeds of a method would share one draw."""
    drawn = [
        getattr(attached(tunings.get(name)(), make(), seed).peft_config["default"], SEEDS[name]) for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_most_frequent_tokens_learn(tmp_path: Path) -> None:
    """Ties go to the lower id; a text of padding alone is none of the data's."""
    rows = [[2, 7, 7, 9, 3], [2, 7, 11, 3], [2, 9, 40, 3]]
    columns = {"input_ids": [np.array(row) for row in rows], "labels": [np.zeros(len(row)) for row in rows]}
    material = Material(Tokens(["a", "b", "c"], columns), ["x", "y", "z"], tmp_path, "fp32")
    tuning: Any = tunings.get("trainable-tokens")(tokens=5)
    base = make()
    before = base.bert.embeddings.word_embeddings.weight.detach().clone()
    model = attached(tuning, base)
    tuning.begin(model, TASK, material)
    assert model.peft_config["default"].trainable_token_indices == [2, 3, 7, 9, 11]
    learn = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    (table,) = [parameter for key, parameter in learn.items() if "trainable_tokens" in key]
    assert torch.equal(table, before[[2, 3, 7, 9, 11]])
    with torch.no_grad():
        table[2].add_(1.0)
        seen = model(input_ids=torch.tensor([[7]])).logits, model(input_ids=torch.tensor([[40]])).logits
        tuning.save(model, tmp_path)
        again: Any = tuning.load(make(), TASK, tmp_path).eval()
        assert torch.equal(again(input_ids=torch.tensor([[7]])).logits, seen[0])
        assert torch.equal(again(input_ids=torch.tensor([[40]])).logits, seen[1])
        plain = make()
        assert not torch.equal(plain(input_ids=torch.tensor([[7]])).logits, seen[0])
        plain.classifier.load_state_dict({"weight": learn_of(learn, "weight"), "bias": learn_of(learn, "bias")})
        torch.testing.assert_close(plain(input_ids=torch.tensor([[40]])).logits, seen[1])


def learn_of(learn: dict[str, torch.nn.Parameter], part: str) -> torch.Tensor:
    return learn[f"base_model.model.classifier.modules_to_save.default.{part}"]


def test_boft_compiles_nothing() -> None:
    from peft.tuners.boft import layer

    setattr(layer, "_FBD_CUDA", None)  # noqa: B010
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = attached(tunings.get("boft")(), make())
    assert not [str(warning.message) for warning in caught if "CUDA" in str(warning.message)]
    assert not model.base_model.model.bert.encoder.layer[0].attention.self.query.fbd_cuda_available


def test_psoft_keeps_the_subspaces_that_it_was_trained_in(tmp_path: Path) -> None:
    """peft works them out again on load; singular vectors of the opposite sign would be as good, and fit no more."""
    tuning = Psoft(rank=8)
    model = attached(tuning, make())
    factors = {name: buffer for name, buffer in model.named_buffers() if "._psoft_" in name}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "psoft_R" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
        for buffer in factors.values():  # a machine whose first singular vectors point the other way
            vectors = buffer if buffer.shape[0] == 8 else buffer.T
            vectors[0].neg_()
        wanted = model(**INPUTS).logits
        tuning.save(model, tmp_path)
        assert torch.equal(tuning.load(make(), TASK, tmp_path).eval()(**INPUTS).logits, wanted)
        (tmp_path / FACTORS).unlink()
        with pytest.raises(TuneproofError, match="not found"):
            tuning.load(make(), TASK, tmp_path)


def test_a_reload_on_other_threads_takes_the_same_parts_out(tmp_path: Path) -> None:
    """PiSSA's and OLoRA's parts are taken out again on load; what differs in the last bits stays there."""
    for init in ("pissa", "olora"):
        tuning = Lora(init=init)
        model = attached(tuning, make(128, 256))
        tuning.save(model, tmp_path / init)
        torch.set_num_threads(2)
        again = tuning.load(make(128, 256), TASK, tmp_path / init).eval()
        torch.set_num_threads(1)
        with torch.no_grad():
            torch.testing.assert_close(again(**INPUTS).logits, model(**INPUTS).logits, atol=1e-5, rtol=0)


def test_defaults_cost_about_as_much_as_lora_or_less() -> None:
    """So that methods compare at equal size; LoHa has two pairs of factors, AdaLoRA 12 ranks at first."""

    def count(name: str) -> int:
        learn = attached(tunings.get(name)(), make(384, 1536)).named_parameters()
        return sum(part.numel() for key, part in learn if part.requires_grad and "modules_to_save" not in key)

    lora = count("lora")
    assert lora == 2 * 2 * 8 * 2 * 384
    larger = {name: size / lora for name in LINEAR if (size := count(name)) > 1.01 * lora}
    assert larger == {"loha": 2.0, "adalora": pytest.approx(1.5, abs=0.01)}
