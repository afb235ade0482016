"""docs/methods.md: its tables are what the registries say, and its examples work as they stand."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tuneproof import catalogue, params

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/methods.md"
TEXT = PAGE.read_text(encoding="utf-8")
LEARNS = 2
"""Column of the tunings' table that needs a model."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("methods_doc", ROOT / "scripts/methods_doc.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(tables: str) -> dict[str, list[str]]:
    """Name of a part → the cells of its line."""
    lines = [line for line in tables.splitlines() if line.startswith("| `")]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return {row[0].strip("`"): row for row in cells}


def uncounted(found: dict[str, list[str]]) -> dict[str, list[str]]:
    tunings = catalogue.KINDS["tuning"][0]
    return {name: [c for i, c in enumerate(row) if i != LEARNS or name not in tunings] for name, row in found.items()}


def test_the_page_lists_what_is_registered() -> None:
    wanted = rows(catalogue.markdown(catalogue.entries()))
    assert uncounted(rows(TEXT)) == uncounted(wanted), "run: python scripts/methods_doc.py"
    assert list(rows(TEXT)) == list(wanted)


def test_a_few_counts_of_the_page_are_those_of_the_model(minilm: Path) -> None:
    names = ("bitfit", "lora", "prefix", "probe", "full")
    model = catalogue.Fetched("minilm", minilm)
    counted = catalogue.measure(catalogue.entries(names), [model], ["classification", "ner"])
    assert {entry.name: rows(TEXT)[entry.name][LEARNS] for entry in counted} == {
        entry.name: f"{entry.learns:,}" for entry in counted
    }


@pytest.mark.slow
def test_the_page_is_what_the_script_writes(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert script.page(TEXT, script.tables()) == TEXT, "run: python scripts/methods_doc.py"


def test_every_count_is_there_or_the_reason_why_not() -> None:
    for name in catalogue.KINDS["tuning"][0]:
        assert re.fullmatch(r"[\d,]+|– \(.{10,}\)", rows(TEXT)[name][LEARNS]), name


def test_a_cell_of_a_table_cannot_break_it() -> None:
    entry = catalogue.entries(["lora"])[0]._replace(idea="either | or")
    assert r"either \| or" in catalogue.markdown([entry])


# examples


@pytest.mark.parametrize("block", blocks("yaml"))
def test_examples_of_params_are_accepted(block: str) -> None:
    content = {
        "datasets": {"t": {"task": "classification", "source": {"path": "t.csv"}, "format": {"kind": "csv"}}},
        "models": {"m": {"path": "m"}},
        "seeds": [0],
        "augmentations": {"synonym": {"technique": "synonym"}},
        **yaml.safe_load(block),
    }
    loaded = params.check(content)
    assert loaded.methods
    if "grid" in content["methods"]:
        assert len(loaded.methods) == 3 * 2 * 2 * 3 - 2 * 2 * 3
        assert "lora-rank-16-synonym-rdrop-ema" in loaded.methods


PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd
from tuneproof import catalogue, code, params, registry, settings, tasks, tunings
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
content = {
    "datasets": {"t": {"task": "classification", "source": {"path": "t.csv"}, "format": {"kind": "csv"}}},
    "models": {"m": {"path": "m"}},
    "methods": {"mine": {"tuning": {"name": "query", "biases": False}, "training": {"epochs": 2, "precision": "fp32"}}},
    "seeds": [0],
}
(cell,) = settings.plan(params.check(content)).cells
labels, task = ["no", "yes"], tasks.get("classification")
frame = pd.DataFrame({"id": [str(i) for i in range(8)], "text": ["a joy", "a bore"] * 4, "label": ["yes", "no"] * 4})
encoded = task.encode(load_tokenizer(folder), frame, labels, max_length=16)
tokens = Tokens(list(frame["id"]), {name: [np.array(x) if name != "labels" else x for x in column]
                                    for name, column in encoded.items()})
result = fit(cell, Data(tokens, tokens, frame, labels), model_folder=folder, learning_rate=1e-3, warmup_ratio=0.0,
             seed=0)
learned = sorted(name for name, parameter in result.model.named_parameters() if parameter.requires_grad)
before = predict(result.model, task, tokens, labels, precision="fp32").frame
checkpoint.save(result.model, cell, labels, seed=0, steps=result.steps, folder=out / "checkpoint")
again, *_ = checkpoint.load(out / "checkpoint", folder)
after = predict(again, task, tokens, labels, precision="fp32").frame
print(json.dumps({
    "learned": learned,
    "same": before["probabilities"].map(list).tolist() == after["probabilities"].map(list).tolist(),
    "files": sorted(path.name for path in (out / "checkpoint").iterdir()),
    "code": [path for path in code.of_cell(cell) if "tunings/query.py" in path],
    "listed": [entry.idea for entry in catalogue.entries(["query"])],
    "losses": [line["train_loss"] for line in result.history],
}, default=float))
"""


def test_a_method_of_ones_own_needs_one_file_and_one_line(minilm: Path, tmp_path: Path) -> None:
    """The example of the page, added to a copy of the package just as the page says."""
    shutil.copytree(ROOT / "src/tuneproof", tmp_path / "src/tuneproof", ignore=shutil.ignore_patterns("__pycache__"))
    source, line = blocks("python")
    assert 20 <= len(source.splitlines()) <= 35
    assert "Save this as `src/tuneproof/tunings/query.py`" in TEXT
    (tmp_path / "src/tuneproof/tunings/query.py").write_text(source)
    registry = tmp_path / "src/tuneproof/tunings/__init__.py"
    registry.write_text(registry.read_text().replace("TUNINGS = {\n", "TUNINGS = {\n" + line, 1))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(minilm), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    queries = [f"bert.encoder.layer.{layer}.attention.self.query.weight" for layer in range(6)]
    assert found["learned"] == sorted([*queries, "classifier.bias", "classifier.weight"])
    assert found["same"]
    assert found["files"] == ["learned.safetensors", "tuneproof.json"]
    assert len(found["code"]) == 1
    assert found["listed"] == ["Only the query projections of attention learn."]
    assert found["losses"][1] < found["losses"][0]
