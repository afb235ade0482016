"""Models and checkpoints out of a stranger's hands: none of their code runs, and damage is one line."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from tuneproof import fetch, files
from tuneproof.errors import DataError, TuneproofError
from tuneproof.origins import LocalModel

SOURCE = Path(__file__).parents[2] / "src" / "tuneproof"


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm: Path) -> Path:
    """A whole model of one small layer, in a project's folder `model`."""
    import torch
    from transformers import BertConfig, BertModel

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    BertModel(config).save_pretrained("model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(minilm / name, tmp_path / "model" / name)
    return tmp_path / "model"


def fetched() -> dict[str, Any]:
    return fetch.fetch_model(LocalModel(path="model"), Path("data"))


def load(folder: Path) -> Any:
    from tuneproof import tasks
    from tuneproof.train.model import load_base

    return load_base(folder, tasks.get("classification"), ["a", "b"], seed=0)


def test_a_whole_model_is_taken(tiny: Path) -> None:
    assert set(fetched()["files"]) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert load(tiny).config.num_labels == 2


def test_pickled_weights_are_refused_and_not_opened(tiny: Path, tmp_path: Path) -> None:
    (tiny / "model.safetensors").unlink()
    (tiny / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(DataError, match=r"model\.safetensors not found; weights in \.bin or \.pt are pickles"):
        fetched()
    with pytest.raises(DataError, match="no model for classification can be loaded"):
        load(tiny)
    assert not (tmp_path / "ran").exists()


def test_pickles_beside_the_weights_are_not_opened(tiny: Path, tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "adapter_model.bin", "optimizer.pt"):
        (tiny / name).write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    assert not [name for name in fetched()["files"] if name.endswith((".bin", ".pt"))]
    load(tiny)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_in_a_model_is_refused_without_asking(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """By default transformers asks on the terminal whether to run it."""
    from tuneproof.tokenize import load_tokenizer

    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question was asked"))
    (tiny / "evil.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nclass C: pass\n")
    classes = {
        "AutoConfig": "evil.C",
        "AutoModelForSequenceClassification": "evil.C",
        "AutoTokenizer": ["evil.C", "evil.C"],
    }
    content = {**json.loads((tiny / file).read_text()), "auto_map": classes}
    content |= {"model_type": "evil"} if file == "config.json" else {"tokenizer_class": "C"}
    (tiny / file).write_text(json.dumps(content))
    if file == "config.json":
        with pytest.raises(DataError, match="no model for classification can be loaded") as caught:
            load(tiny)
        assert "\n" not in str(caught.value)
    else:
        load_tokenizer(tiny)  # the plain one that tokenizer.json describes
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_names_another_model_is_refused(tiny: Path) -> None:
    """transformers would load the model that it names, and its adapter, which may be a pickle."""
    (tiny / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "someone/evil"}))
    with pytest.raises(DataError, match=r"found adapter_config\.json, an adapter's folder; allowed: a whole model"):
        fetched()


def test_weights_are_taken_from_the_folder_alone(tiny: Path, tmp_path: Path) -> None:
    (tiny / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (tiny / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../elsewhere.safetensors"}}))
    with pytest.raises(DataError, match=r"\.\./elsewhere\.safetensors not found"):
        fetched()


def header(content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(content) if length is None else length) + content


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        bytes(range(256)),
        header(b"{}", length=2**63),
        header(b"{}", length=100_000_001),
        header(b"{}", length=3),
        header(b"not json"),
        header(b"[]"),
        header(b"[" * 100_000),
        header(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        header(json.dumps({"x": TENSOR}).encode()),
        header(json.dumps({"x": {**TENSOR, "data_offsets": [0, 2**60]}}).encode()) + b"\0" * 8,
        header(json.dumps({"x": {**TENSOR, "data_offsets": [8, 0]}}).encode()) + b"\0" * 8,
        header(json.dumps({"x": {**TENSOR, "shape": [2**62, 2**62]}}).encode()) + b"\0" * 8,
        header(json.dumps({"x": TENSOR, "y": TENSOR}).encode()) + b"\0" * 8,
        header(json.dumps({"x": {**TENSOR, "dtype": "PICKLE"}}).encode()) + b"\0" * 8,
    ],
    ids=[
        "empty", "short", "noise", "endless header", "header over the limit", "header cut", "no json", "a list",
        "deep list", "deep mapping", "no data", "offsets beyond", "offsets reversed", "absurd shape", "overlap",
        "dtype",
    ],
)  # fmt: skip
def test_a_broken_safetensors_file_is_one_line_and_bounded(tiny: Path, content: bytes) -> None:
    (tiny / "model.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"model/model\.safetensors: not a readable safetensors file") as caught:
        fetched()
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no model for classification can be loaded") as caught:
        load(tiny)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"a":' * 100_000,
        b'{"model_type": "nothing"}',
        b"{}",
        b'{"model_type": "bert", "hidden_size": "x"}',
        b'{"model_type": "bert", "num_hidden_layers": -1}',
        b'{"model_type": "bert", "num_attention_heads": 5}',
        b'{"model_type": "bert", "hidden_act": "os.system"}',
        b'{"model_type": ["bert"]}',
        b'{"model_type": "bert", "quantization_config": {"quant_method": "x"}}',
    ],
)
def test_a_broken_config_is_one_line(tiny: Path, content: bytes) -> None:
    (tiny / "config.json").write_bytes(content)
    with pytest.raises(DataError, match="no model for classification can be loaded") as caught:
        load(tiny)
    assert "\n" not in str(caught.value)


def test_sizes_that_contradict_the_weights_are_one_line(tiny: Path) -> None:
    content = json.loads((tiny / "config.json").read_text())
    (tiny / "config.json").write_text(json.dumps({**content, "hidden_size": 16}))
    with pytest.raises(DataError, match="no model for classification can be loaded") as caught:
        load(tiny)
    assert "\n" not in str(caught.value)


GOOD = {
    "task": "classification", "labels": ["a", "b"], "tuning": {"name": "bitfit"}, "model": "m", "seed": 0, "steps": 1,
    "dropout": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"tuning": {"name": "os:system"}},
        {"tuning": {"name": "lora", "rank": -1}},
        {"tuning": "lora"},
        {"task": "nothing"},
        {"labels": 3},
    ],
)
def test_a_checkpoint_names_only_what_is_registered(tiny: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    from tuneproof.train import checkpoint

    (tmp_path / "checkpoint").mkdir()
    files.write_json(tmp_path / "checkpoint" / checkpoint.META, {**GOOD, **change})
    with pytest.raises(TuneproofError) as caught:
        checkpoint.load(tmp_path / "checkpoint", tiny)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95", header(b"{}", length=2**40)])
def test_a_broken_checkpoint_is_one_line(tiny: Path, tmp_path: Path, content: bytes) -> None:
    from tuneproof.train import checkpoint

    (tmp_path / "checkpoint").mkdir()
    files.write_json(tmp_path / "checkpoint" / checkpoint.META, GOOD)
    (tmp_path / "checkpoint" / "learned.safetensors").write_bytes(content)
    with pytest.raises(TuneproofError, match=r"learned\.safetensors: not a readable safetensors file") as caught:
        checkpoint.load(tmp_path / "checkpoint", tiny)
    assert "\n" not in str(caught.value)


FORBIDDEN = {"eval", "exec", "compile", "__import__", "pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal",
             "shelve", "allow_pickle", "torch.load", "os.system", "os.popen"}  # fmt: skip


def test_the_program_holds_nothing_that_runs_data() -> None:
    """Names that would run what a file holds, anywhere in the package."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call):
                names = [ast.unparse(node.func)]
                keywords = {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg}
                names += [name for name in keywords if name in FORBIDDEN]
                assert keywords.get("shell", "False") == "False", f"{path}:{node.lineno}"
                assert keywords.get("trust_remote_code", "False") == "False", f"{path}:{node.lineno}"
            assert FORBIDDEN.isdisjoint(names), f"{path}: {names}"
