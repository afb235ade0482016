"""The tuning `peft`: every type of the installed peft runs, or says why not; options are checked without peft."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification

from tuneproof import params, tasks
from tuneproof.errors import MethodError, ParamsError
from tuneproof.tunings import peft_configs
from tuneproof.tunings.any_peft import _UNFIT, AnyPeft

OPTIONS: dict[str, dict[str, Any]] = {
    "ADAMSS": {"r": 10}, "C3A": {"block_size": 16}, "FOURIERFT": {"n_frequency": 500}, "GRALORA": {"r": 8},
    "LORA": {"r": 4, "target_modules": "all-linear", "bias": "lora_only"}, "MISS": {"r": 8},
    "OFT": {"oft_block_size": 16}, "RANDLORA": {"r": 4}, "ROAD": {"group_size": 32, "variant": "road_2"},
    "SHIRA": {"r": 8}, "VBLORA": {"vector_length": 16}, "WAVEFT": {"n_frequency": 500},
}  # fmt: skip
"""What a model of width 32 needs in place of peft's defaults."""
NESTED = {
    "arrow_config", "corda_config", "eva_config", "kasa_config", "lora_ga_config", "monteclora_config",
    "runtime_config", "use_bdlora",
}  # fmt: skip
"""Options that are configurations of their own."""
INPUTS = {"input_ids": torch.arange(3, 45).reshape(3, 14), "attention_mask": torch.ones(3, 14, dtype=torch.long)}


def make(task: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=32, num_labels=3,
    )  # fmt: skip
    model = (BertForTokenClassification if task == "ner" else BertForSequenceClassification)(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # GLoRA scales them
            torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("task", ["classification", "ner"])
@pytest.mark.parametrize("kind", sorted(peft_configs.types()))
def test_each_type_learns_and_reloads_or_says_why_not(kind: str, task: str, tmp_path: Path) -> None:
    tuning, base = AnyPeft(type=kind, options=OPTIONS.get(kind, {})), make(task)
    body = {key: value.clone() for key, value in base.base_model.state_dict().items()}
    reason = tuning.skip(tasks.get(task), base)
    if kind in _UNFIT:
        assert reason == f"peft's {kind} {_UNFIT[kind]}"
        return
    assert reason is None
    model = tuning.attach(base, tasks.get(task), total_steps=3).eval()
    learn = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW(learn.values(), lr=1e-2)
    for _ in range(3):
        model(**INPUTS).logits.logsumexp(-1).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    for key, parameter in model.named_parameters():
        assert parameter.equal(before[key]) != parameter.requires_grad, key
    assert {key for key, parameter in learn.items() if tuning.decays(key, parameter)} == {
        "base_model.model.classifier.modules_to_save.default.weight"
    }

    tuning.save(model, tmp_path)
    again = make(task, seed=1)
    again.base_model.load_state_dict(body)
    again = tuning.load(again, tasks.get(task), tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again(**INPUTS).logits, model(**INPUTS).logits)


@pytest.mark.parametrize("kind", sorted(peft_configs.types()))
def test_options_are_those_that_peft_has(kind: str) -> None:
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    fields = {field.name for field in dataclasses.fields(PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[kind]])}
    assert set(peft_configs.options(kind).model_fields) == fields - peft_configs.REFUSED.keys() - NESTED
    assert set(peft_configs.types()) == {known.value for known in PEFT_TYPE_TO_CONFIG_MAPPING}


def test_a_type_that_does_not_fit_the_model_is_skipped_with_the_reason() -> None:
    """peft's default block of 256 does not divide 32; a step is tried on a copy, and no random number is used up."""
    base = make("ner")
    before = {key: value.clone() for key, value in base.state_dict().items()}
    state = torch.get_rng_state()
    for kind, options, reason in (
        ("C3A", {}, "peft's C3A does not run on BertForTokenClassification (MethodError: peft cannot wrap"),
        ("LORA", {"target_modules": ["no_such"]}, "Please check your `target_modules`"),
        ("LORA", {"target_modules": ["classifier"]}, "Please check your `target_modules`"),
        ("LORA", {"r": -1}, "`r` should be a positive integer value but the value passed is -1"),
        ("LORA", {"trainable_token_indices": [77]}, "out of bounds"),
        ("FOURIERFT", {"n_frequency": 5000}, "`n_frequency` should be less than or equal"),
    ):
        found = AnyPeft(type=kind, options=options).skip(tasks.get("ner"), base)
        assert found is not None, kind
        assert reason in found
        assert "\n" not in found
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in base.state_dict().items())
    assert not hasattr(base, "peft_config")


def test_options_that_contradict_each_other_are_one_line() -> None:
    tuning = AnyPeft(type="LORA", options={"target_modules": "all-linear", "layers_to_transform": [0], "bias": "all"})
    with pytest.raises(MethodError) as error:
        AnyPeft(type="VBLORA", options={"vector_length": 7}).attach(make("ner"), tasks.get("ner"), total_steps=1)
    assert "must be divisible by `vector_length` 7" in str(error.value)
    assert "\n" not in str(error.value)
    found = tuning.skip(tasks.get("ner"), make("ner"))
    assert found is None or "\n" not in found


@pytest.mark.parametrize(
    ("tuning", "line"),
    [
        ({"type": "HIRAA"}, 'type: found "HIRAA"; allowed: ADALORA, ADAMSS, '),
        ({"type": "HIRAA"}, "did you mean HIRA?"),
        ({"type": 3}, "type: found 3; allowed: text"),
        ({"type": "HIRA", "options": {"rank": 8}}, "options.rank: unknown key; allowed: r, target_modules, "),
        ({"type": "HIRA", "options": {"hira_drop": 0.1}}, "did you mean hira_dropout?"),
        ({"type": "HIRA", "options": {"r": "8"}}, 'options.r: found "8"; allowed: a whole number'),
        ({"type": "HIRA", "options": {"init_weights": "zero"}}, "allowed: true or false, or gaussian, or null"),
        ({"type": "HIRA", "options": {"target_modules": [1]}}, "options.target_modules"),
        ({"type": "HIRA", "options": {"task_type": "CAUSAL_LM"}}, "not to be set: it follows from the task"),
        ({"type": "HIRA", "options": {"modules_to_save": ["x"]}}, "not to be set: it follows from the task"),
        ({"type": "HIRA", "options": {"base_model_name_or_path": "/etc"}}, "not to be set: the model is chosen"),
        ({"type": "LORA", "options": {"megatron_core": "os"}}, "not to be set: a method imports no module by name"),
        ({"type": "LORA", "options": {"eva_config": {}}}, "options.eva_config: unknown key"),
        ({"type": "LORA", "options": {"init_lora_weights": "eva"}}, "not to be set: it starts from data"),
        ({"type": "LORA", "options": {"init_lora_weights": "pissa_niter_4"}}, "not to be set: a randomised"),
        ({"type": "XLORA", "options": {"adapters": {"a": "/etc"}}}, "not to be set: a method reads no file"),
        ({"type": "PROMPT_TUNING", "options": {"tokenizer_name_or_path": "a/b"}}, "not to be set: a method reads no"),
    ],
)
def test_mistakes_are_one_line_with_the_key(tuning: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamsError) as error:
        params.check(content(tuning))
    assert len(error.value.lines) == 1
    assert error.value.lines[0].startswith("params.yaml: methods.m.tuning.")
    assert line in error.value.lines[0]


def content(tuning: dict[str, Any]) -> dict[str, Any]:
    return {
        "datasets": {"d": {"task": "ner", "source": {"path": "d.txt"}, "format": {"kind": "conll"}}},
        "models": {"b": {"path": "models/b"}},
        "methods": {"m": {"tuning": {"name": "peft", **tuning}}},
        "seeds": [1],
    }


def test_lists_come_back_as_peft_wants_them() -> None:
    declared = params.check(content({"type": "LORA", "options": {"target_modules": ["query"], "r": 2}}))
    chosen = declared.methods["m"].tuning
    assert chosen == {"name": "peft", "type": "LORA", "options": {"target_modules": ["query"], "r": 2}}
    model: Any = AnyPeft(type="LORA", options=chosen["options"]).attach(make("ner"), tasks.get("ner"), total_steps=1)
    assert model.peft_config["default"].target_modules == {"query"}


def test_checking_options_imports_no_heavy_library() -> None:
    code = (
        "import sys; from tuneproof.tunings.any_peft import AnyPeft; "
        "AnyPeft(type='HIRA', options={'r': 4, 'target_modules': ('query',)}); "
        "print(*({'torch', 'peft', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_the_type_alone_is_enough() -> None:
    assert AnyPeft().type == "LORA"
    with pytest.raises(ValidationError, match="did you mean LORA"):
        AnyPeft(type="Lora")
