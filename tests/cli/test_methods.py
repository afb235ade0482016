"""`tuneproof methods`: every registered part, at once, and with a model what learns and what does not fit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tuneproof import catalogue, files
from tuneproof.adversarial import ADVERSARIAL
from tuneproof.regularisers import REGULARISERS
from tuneproof.tunings import TUNINGS

Run = Callable[..., tuple[str, str]]
HIDDEN, LAYERS = 384, 6
HEAD = 2 * (HIDDEN + 1)


def write_params(tasks: dict[str, str], models: dict[str, str]) -> None:
    kinds = {"classification": "csv", "ner": "conll"}
    datasets = {
        name: {"task": task, "source": {"path": "toy.txt"}, "format": {"kind": kinds[task]}}
        for name, task in tasks.items()
    }
    content = {
        "datasets": datasets,
        "models": {name: {"path": path} for name, path in models.items()},
        "methods": {"full": {"tuning": "full"}},
        "seeds": [0],
    }
    Path("params.yaml").write_text(yaml.safe_dump(content))


def fetched(name: str, folder: Path) -> None:
    files.write_json(Path("results/fetch/models") / f"{name}.json", {"folder": str(folder)})


def listed(output: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(output)}


def test_every_registered_part_is_listed_with_what_it_says_of_itself(tuneproof: Run) -> None:
    found = listed(tuneproof("methods", "--json")[0])
    assert list(found) == [*sorted(TUNINGS), *sorted(ADVERSARIAL), *sorted(REGULARISERS)]
    for name, entry in found.items():
        part = catalogue.KINDS[entry["kind"]][1](name)
        assert (entry["idea"], entry["paper"]) == (part.idea, part.paper)
        assert [option["name"] for option in entry["options"]] == list(part.model_fields)
        assert all(option["description"] for option in entry["options"]), name
        assert entry["learns"] is None
        assert (entry["range"] is not None) == (entry["kind"] == "tuning")


def test_the_terminal_shows_each_of_them(tuneproof: Run) -> None:
    shown = tuneproof("methods")[0]
    for name in (*TUNINGS, *ADVERSARIAL, *REGULARISERS):
        assert f" {name} " in shown
    assert "Hu et al. 2022" in shown
    assert "rank 8" in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_the_list_is_there_at_once(tuneproof: Run) -> None:
    """No heavy library is needed for it; `--count` needs them."""
    start = time.perf_counter()
    entries = catalogue.entries()
    list(catalogue.as_tables(entries))
    assert time.perf_counter() - start < 2
    assert len(entries) == len(TUNINGS) + len(ADVERSARIAL) + len(REGULARISERS)


def test_a_named_part_is_shown_with_its_options(tuneproof: Run) -> None:
    shown = " ".join(tuneproof("methods", "lora", "fgm")[0].split())
    assert "lora (tuning)" in shown
    assert "a whole number, at least 1" in shown
    assert "in params: my-method: {tuning: {name: lora, rank: 8}}" in shown
    assert "in params: my-method: {tuning: full, adversarial: {name: fgm, epsilon: 0.1}}" in shown
    assert "adapter" not in shown
    _, told = tuneproof("methods", "lorra", code=1)
    assert told.startswith('error: methods: found "lorra"; allowed: ')
    assert told.endswith("did you mean lora?\n")


@pytest.mark.parametrize("kind", ["tuning", "adversarial", "regulariser"])
def test_what_the_list_says_one_may_write_is_accepted(kind: str) -> None:
    from tuneproof import params

    base = {
        "datasets": {"t": {"task": "classification", "source": {"path": "t.csv"}, "format": {"kind": "csv"}}},
        "models": {"m": {"path": "m"}},
        "seeds": [0],
    }
    mine = [entry for entry in catalogue.entries() if entry.kind == kind]
    for entry in mine:
        written = yaml.safe_load(f"{{{catalogue.in_params(entry)}}}")
        params.check({**base, "methods": written})
    assert mine


def test_what_the_declared_tasks_rule_out_is_told(tuneproof: Run) -> None:
    write_params({"tags": "ner"}, {"mini": "mini"})
    found = listed(tuneproof("methods", "--json")[0])
    assert found["supcon"]["misfits"] == [
        {"task": "ner", "model": None, "reason": "for classification, not for ner"},
    ]
    assert found["full"]["misfits"] == []


def test_mistakes_in_params_do_not_hide_the_list(tuneproof: Run) -> None:
    Path("params.yaml").write_text("methods: {full: {tuning: ful}}")
    out, told = tuneproof("methods")
    assert " lora " in out
    assert told.startswith("params.yaml has mistakes")


def test_counting_needs_a_model_that_was_fetched(tuneproof: Run) -> None:
    write_params({"texts": "classification"}, {"mini": "mini"})
    assert tuneproof("methods", "--count", code=1)[1] == (
        "error: --count: no model of params.yaml is here; run: snakemake --cores 1 fetch_all\n"
    )


def test_what_learns_is_counted_on_the_model(tuneproof: Run, minilm: Path) -> None:
    write_params({"texts": "classification"}, {"mini": "mini"})
    fetched("mini", minilm)
    names = ("probe", "lora", "bitfit", "prefix", "fgm")
    found = listed(tuneproof("methods", *names, "--count", "--json")[0])
    learns = {name: found[name]["learns"] for name in names}
    assert learns == {
        "probe": HEAD,
        "lora": HEAD + LAYERS * 2 * 2 * 8 * HIDDEN,
        "bitfit": HEAD + LAYERS * (7 * HIDDEN + 4 * HIDDEN) + 2 * HIDDEN,
        "prefix": HEAD + 20 * LAYERS * 2 * HIDDEN,
        "fgm": None,
    }
    assert f"{learns['lora']:,}" in tuneproof("methods", "lora", "--count")[0]


def test_what_does_not_fit_the_model_is_told_with_its_reason(tuneproof: Run, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=50, max_position_embeddings=32, **sizes)).save_pretrained(tmp_path / "short")
    write_params({"a-texts": "classification", "tags": "ner"}, {"short": "short"})
    fetched("short", tmp_path / "short")
    reason = "20 virtual tokens leave 12 positions for text; needed: 16"
    found = listed(tuneproof("methods", "prefix", "lora", "--count", "--json")[0])
    assert found["prefix"]["learns"] is None
    assert found["prefix"]["misfits"] == [
        {"task": task, "model": "short", "reason": reason} for task in ("classification", "ner")
    ]
    assert found["lora"]["misfits"] == []
    assert f"not on ner with short: {reason}" in " ".join(tuneproof("methods", "prefix", "--count")[0].split())


def test_check_lists_what_crossed_entries_make(tuneproof: Run) -> None:
    write_params({"texts": "classification"}, {"mini": "mini"})
    Path("toy.txt").write_text("text,label\n")
    Path("mini").mkdir()
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["methods"]["grid"] = {"cross": {"tuning": ["lora", "probe"], "adversarial": ["none", "fgm"]}}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    lines = tuneproof("check")[0].splitlines()
    assert lines[0].startswith("params.yaml: 5 cells")
    assert lines[1] == "methods.grid: 4 methods: lora, lora-fgm, probe, probe-fgm"
