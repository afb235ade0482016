"""A stored run answers its own test texts as it did, and new ones as the model in memory would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuneproof import files, tasks, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.challenge.predictor import Predictor
from tuneproof.errors import DataError, MethodError
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict

TEXTS = ["a wonderful film", "dull and far too long", "warm, funny and wise", "I want my money back"]
NEW = ["a wise and wonderful delight", "so dull", "my money"]
SENTENCES = [["Ann", "lives", "in", "York"], ["the", "York", "train"], ["Bob", "met", "Ann", "."], ["so", "it", "is"]]
TAGS = [["B-person", "O", "O", "B-place"], ["O", "B-place", "O"], ["B-person", "O", "B-person", "O"], ["O"] * 3]
TASKS: dict[str, tuple[list[Any], list[Any], list[Any], list[str]]] = {
    "classification": (TEXTS, ["good", "bad", "good", "bad"], NEW, ["bad", "good"]),
    "regression": (TEXTS, [0.5, -1.0, 1.0, -0.5], NEW, ["value"]),
    "ner": (SENTENCES, TAGS, [["Ann", "and", "Bob"], ["York"]], ["O", "B-person", "I-person", "B-place", "I-place"]),
}


def tokens(minilm: Path, task: str, inputs: list[Any], answers: list[Any] | None, labels: list[str]) -> Any:
    columns = ("tokens", "tags") if task == "ner" else ("text", "label")
    frame = pd.DataFrame({"id": [f"r{row}" for row in range(len(inputs))], columns[0]: inputs})
    if answers is not None:
        frame[columns[1]] = answers
    encoded = tasks.get(task).encode(load_tokenizer(minilm), frame, labels, max_length=16)
    for name in ("input_ids", "token_type_ids", "labels"):
        if isinstance(encoded.get(name, [0])[0], list):
            encoded[name] = [np.array(row) for row in encoded[name]]
    return Tokens(list(frame["id"]), encoded), frame


def stored(minilm: Path, task: str, tuning: str, folder: Path) -> pd.DataFrame:
    """Fit, keep the run as `train` does, and say what the fitted model answers to the new texts."""
    inputs, answers, new, labels = TASKS[task]
    train, gold = tokens(minilm, task, inputs, answers, labels)
    cell = Cell(
        dataset="d",
        model="m",
        method=tuning,
        task=task,
        tuning={"name": tuning, **tunings.get(tuning)().model_dump(mode="json")},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=1, batch_size=4, precision="fp32", device="cpu"),
        learning_rates=tuple(tunings.get(tuning).learning_rates),
        search=Search(trials=1),
    )
    rate = tunings.get(tuning).learning_rates[2]
    result = fit(
        cell, Data(train, train, gold, labels), model_folder=minilm, learning_rate=rate, warmup_ratio=0.0, seed=0
    )
    checkpoint.save(result.model, cell, labels, seed=0, steps=result.steps, folder=folder / "checkpoint")
    about = {"threads": torch.get_num_threads(), "precision": "fp32", "device": "cpu"}
    files.write_json(folder / "run.json", about)
    asked, _ = tokens(minilm, task, new, None, labels)
    return predict(result.model, tasks.get(task), asked, labels, precision="fp32").frame


@pytest.mark.parametrize(("task", "tuning"), [
    ("classification", "full"),
    ("classification", "lora"),
    ("classification", "logistic"),
    ("classification", "setfit"),
    ("regression", "probe"),
    ("ner", "adapter"),
    ("ner", "nn-tagger"),
])  # fmt: skip
def test_new_texts_are_answered_as_the_fitted_model_does(minilm, tmp_path, task, tuning):
    expected = stored(minilm, task, tuning, tmp_path)
    predictor = Predictor.load(tmp_path, minilm, max_length=16)
    found = predictor.predict(TASKS[task][2])
    assert list(found.prediction) == list(expected["prediction"])
    if task == "regression":
        assert found.probabilities is None
        return
    assert found.probabilities is not None
    for one, other in zip(found.probabilities, expected["probabilities"], strict=True):
        np.testing.assert_array_equal(one, np.stack([np.asarray(value) for value in other]))
    assert list(found.frame().columns) == ["prediction", "probabilities"]


def test_gradients_reach_the_embeddings(minilm, tmp_path):
    stored(minilm, "classification", "full", tmp_path)
    predictor = Predictor.load(tmp_path, minilm, max_length=16)
    encoded = predictor.tokenizer(["a wise film"], return_tensors="pt")
    vectors = predictor.model.get_input_embeddings()(encoded["input_ids"]).detach().requires_grad_()
    logits = predictor.model(inputs_embeds=vectors, attention_mask=encoded["attention_mask"]).logits
    logits[0, 1].backward()
    assert vectors.grad is not None
    assert float(vectors.grad.abs().sum()) > 0


def test_no_text_no_answer(minilm, tmp_path):
    stored(minilm, "classification", "logistic", tmp_path)
    assert Predictor.load(tmp_path, minilm, max_length=16).predict([]) == ([], [])


def test_a_run_that_was_left_out_says_why(minilm, tmp_path):
    files.write_json(tmp_path / "run.json", {"left_out": "prefix does not fit"})
    with pytest.raises(MethodError, match="prefix does not fit"):
        Predictor.load(tmp_path, minilm, max_length=16)


def test_a_damaged_run_is_named(minilm, tmp_path):
    files.write_json(tmp_path / "run.json", {"threads": 1})
    with pytest.raises(DataError, match=r"run\.json: 'precision' is missing"):
        Predictor.load(tmp_path, minilm, max_length=16)
    files.write_json(tmp_path / "run.json", {"threads": 1, "precision": "fp32", "device": "cpu"})
    with pytest.raises(DataError, match=r"tuneproof\.json: file not found"):
        Predictor.load(tmp_path, minilm, max_length=16)
