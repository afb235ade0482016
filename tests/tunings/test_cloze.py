"""Cloze prompts on a small BERT with its masked-language head.

Its weights are random: no checkpoint with such a head is at hand without a network. What is seen here is that the
words' scores are those of the library's own model, and that they can be learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from pydantic import ValidationError

from tuneproof import tasks, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import MethodError
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.model import load_base
from tuneproof.train.predict import predict

TEXTS = ["a wonderful film", "dull", "what a delight from start to finish", "I want my money back", "wise", "a mess"]
LABELS = ["great", "terrible"] * 3
WORDS = {"verbalizer": {"great": "great", "terrible": "bad"}}
TASK = tasks.get("classification")


@pytest.fixture(scope="module")
def folder(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM's tokenizer, and a BERT of two layers with the head that predicts words."""
    path = tmp_path_factory.mktemp("masked") / "model"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=40
    )
    transformers.BertForMaskedLM(config).save_pretrained(path)
    transformers.AutoTokenizer.from_pretrained(minilm).save_pretrained(path)
    return path


def attach(folder: Path, name: str = "cloze", **options: Any) -> Any:
    model = load_base(folder, TASK, ["great", "terrible"], seed=0)
    torch.manual_seed(1)
    return tunings.get(name)(**{**WORDS, **options}).attach(model, TASK, total_steps=1).eval()


def logits(model: Any, folder: Path, texts: list[str]) -> torch.Tensor:
    batch = transformers.AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits


@pytest.mark.parametrize(
    "pattern", ["{text} It was [MASK].", "All in all [MASK]! {text}", "Just [MASK]: {text} Really."]
)
def test_scores_are_those_of_the_masked_language_model(folder: Path, pattern: str) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    plain = transformers.BertForMaskedLM.from_pretrained(folder).eval()
    expected = []
    for text in TEXTS:
        encoded = tokenizer(pattern.replace("{text}", text), return_tensors="pt")
        with torch.no_grad():
            scores = plain(**encoded).logits[0][(encoded["input_ids"][0] == tokenizer.mask_token_id).nonzero().item()]
        expected.append(scores[tokenizer.convert_tokens_to_ids(["great", "bad"])])
    model = attach(folder, pattern=pattern)
    torch.testing.assert_close(logits(model, folder, TEXTS), torch.stack(expected), atol=1e-5, rtol=1e-4)


def test_embeddings_go_the_way_of_sub_tokens(folder: Path) -> None:
    model = attach(folder)
    batch = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    embeddings = model.get_input_embeddings()(batch["input_ids"])
    with torch.no_grad():
        found = model(inputs_embeds=embeddings, attention_mask=batch["attention_mask"]).logits
    assert torch.equal(found, logits(model, folder, TEXTS))


def test_a_text_too_long_loses_its_end(folder: Path) -> None:
    long = " ".join(["film"] * 35)
    found = logits(attach(folder), folder, [long])
    assert torch.isfinite(found).all()
    # 40 positions: [CLS], [SEP], "it was [MASK] ." and two to spare leave 32 for the text
    assert torch.equal(found, logits(attach(folder), folder, [" ".join(["film"] * 32)]))
    assert not torch.equal(found, logits(attach(folder), folder, [" ".join(["film"] * 31)]))


def data(folder: Path) -> Data:
    frame = pd.DataFrame({"id": [*"abcdef"], "text": TEXTS, "label": LABELS})
    encoded = TASK.encode(load_tokenizer(folder), frame, ["great", "terrible"], max_length=32)
    for name in ("input_ids", "token_type_ids"):
        encoded[name] = [np.array(ids) for ids in encoded[name]]
    tokens = Tokens([*"abcdef"], encoded)
    return Data(tokens, tokens, frame, ["great", "terrible"])


@pytest.mark.parametrize(
    ("name", "options"),
    [("cloze", {}), ("cloze", {"soft": 3}), ("cloze", {"soft": 5, "tune": False}), ("cloze-zero-shot", {})],
)
def test_learns_what_it_says_and_reloads(folder: Path, tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    cell = Cell(
        dataset="d",
        model="m",
        method=name,
        task="classification",
        tuning={"name": name, **WORDS, **options},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=8, batch_size=3, precision="fp32", device="cpu", dropout=0.0),
        learning_rates=(1e-5, 1e-1, 1e-3),
        search=Search(),
    )
    rows = data(folder)
    result = fit(cell, rows, model_folder=folder, learning_rate=2e-2, warmup_ratio=0.0, seed=0)
    learned = {key for key, parameter in result.model.named_parameters() if parameter.requires_grad}
    if name == "cloze-zero-shot":
        assert (result.steps, result.trainable, learned) == (0, 1, set())
    else:
        first, last = (result.history[epoch]["train_loss"] for epoch in (0, -1))
        # a prompt in front of random weights moves little
        assert last < (0.95 if options.get("tune", True) else 1.0) * first
        assert ("soft" in learned) == ("soft" in options)
        assert (learned == {"soft"}) == (options.get("tune") is False)
    before = predict(result.model, TASK, rows.validation, rows.labels, precision="fp32").frame
    checkpoint.save(result.model, cell, rows.labels, seed=0, steps=result.steps, folder=tmp_path / "c")
    model, task, labels = checkpoint.load(tmp_path / "c", folder)
    after = predict(model, task, rows.validation, labels, precision="fp32").frame
    assert np.array_equal(np.stack(before["probabilities"]), np.stack(after["probabilities"]))
    assert {path.suffix for path in (tmp_path / "c").iterdir()} == {".safetensors", ".json"}


def test_a_checkpoint_without_the_head_says_so(minilm: Path) -> None:
    model = load_base(minilm, TASK, ["great", "terrible"], seed=0)
    for name in ("cloze", "cloze-zero-shot"):
        reason = tunings.get(name)().skip(TASK, model)
        assert reason == "the checkpoint has no masked-language head (its architecture: BertModel)"


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("cloze", {"verbalizer": {"great": "unputdownable"}},
         r"the word 'unputdownable' of label 'great' is \d sub-tokens; name another one in verbalizer"),
        ("cloze", {"verbalizer": {"great": "terrible"}},
         "the word 'terrible' of label 'terrible' is another label's already; name another one in verbalizer"),
        ("cloze", {"verbalizer": {"fine": "good"}},
         "verbalizer has fine, which is no label; labels: great, terrible"),
        ("cloze", {"tune": False}, "tune is false and soft is 0, so that nothing learns; use cloze-zero-shot"),
        ("cloze-zero-shot", {"soft": 3}, "a soft prompt has to be learned; use cloze"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_line(folder: Path, name: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(MethodError, match=f"^{line}$"):
        attach(folder, name, **options)


@pytest.mark.parametrize("pattern", ["no place", "{text} and {text} [MASK]", "{text} only"])
def test_a_pattern_has_one_place_for_each(pattern: str) -> None:
    with pytest.raises(ValidationError, match="each once"):
        tunings.get("cloze")(pattern=pattern)
