"""Distillation's loss against numpy, and what a fit makes of a teacher."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from tuneproof import files, regularisers, tasks
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import DataError, MethodError
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import targets
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict

CPU = torch.device("cpu")


def distil(**options: Any) -> Any:
    return regularisers.get("distil")(ensemble="e", **options)


def loss_of(part: Any, task: str, logits: np.ndarray, labels: np.ndarray, taught: np.ndarray) -> float:
    step = SimpleNamespace(task=tasks.get(task), labels=torch.tensor(labels), targets=torch.tensor(taught))
    return part.criterion(step, torch.tensor(logits)).item()


def by_hand(logits: np.ndarray, labels: np.ndarray, taught: np.ndarray, temperature: float, weight: float) -> float:
    """Rows × labels; KL by scipy, softened probabilities as the softmax of log p / T."""
    soft = softmax(np.log(taught) / temperature, axis=1)
    divergences = [entropy(p, q) for p, q in zip(soft, softmax(logits / temperature, axis=1), strict=True)]
    labelled = -np.log(softmax(logits, axis=1)[np.arange(len(labels)), labels])
    return weight * temperature**2 * np.mean(divergences) + (1 - weight) * labelled.mean()


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 1.0), (2.0, 0.5), (4.0, 0.3), (0.5, 0.9)])
def test_the_loss_of_classes_and_tags_by_hand(temperature: float, weight: float) -> None:
    rng = np.random.default_rng(0)
    part = distil(temperature=temperature, weight=weight)
    logits, taught = rng.normal(size=(5, 4)), rng.dirichlet(np.ones(4), size=5)
    labels = np.array([0, 3, 1, 1, 2])
    expected = by_hand(logits, labels, taught, temperature, weight)
    assert loss_of(part, "classification", logits, labels, taught) == pytest.approx(expected, rel=1e-5)

    places = np.array([[-100, 1, -100], [0, -100, 2]])
    logits, taught = rng.normal(size=(2, 3, 4)), rng.dirichlet(np.ones(4), size=(2, 3))
    counts = places != -100
    expected = by_hand(logits[counts], places[counts], taught[counts], temperature, weight)
    assert loss_of(part, "ner", logits, places, taught) == pytest.approx(expected, rel=1e-5)


def test_a_teacher_that_is_certain_gives_numbers() -> None:
    logits, taught = np.array([[2.0, -1.0]]), np.array([[1.0, 0.0]])
    found = loss_of(distil(temperature=3.0, weight=1.0), "classification", logits, np.array([0]), taught)
    assert found == pytest.approx(9 * -np.log(softmax(logits / 3, axis=1)[0, 0]), rel=1e-5)


def test_the_loss_of_numbers_by_hand() -> None:
    logits, labels, taught = np.array([[0.5], [2.0]]), np.array([1.0, 1.0]), np.array([0.0, 3.0])
    expected = 0.25 * (0.25 + 1) / 2 + 0.75 * (0.25 + 1) / 2
    for temperature in (1.0, 5.0):
        found = loss_of(distil(weight=0.25, temperature=temperature), "regression", logits, labels, taught)
        assert found == pytest.approx(expected)


# rows and fits


def written(path: Path, ids: list[str], **columns: Any) -> Path:
    files.write_frame(path, pd.DataFrame({"id": ids, **columns}))
    return path


def test_targets_are_the_rows_own_whatever_their_order(tmp_path: Path) -> None:
    tokens = Tokens(["a", "b"], {"input_ids": [np.array([1, 5, 2]), np.array([1, 2])], "labels": [0, 1]})
    path = written(tmp_path / "t.parquet", ["b", "a"], probabilities=[[0.25, 0.75], [1.0, 0.0]])
    found = targets.read(path, tokens)
    torch.testing.assert_close(found.targets([0, 1], CPU), torch.tensor([[1.0, 0.0], [0.25, 0.75]]))
    assert tokens.targets([0, 1], CPU) is None
    path = written(tmp_path / "n.parquet", ["a", "b"], prediction=[0.5, -1.0])
    torch.testing.assert_close(targets.read(path, tokens).targets([1], CPU), torch.tensor([-1.0]))


def test_tags_targets_stand_where_their_words_start(tmp_path: Path) -> None:
    columns = {"input_ids": [np.arange(5), np.arange(3)], "word_starts": [np.array([1, 3]), np.array([1, -1])]}
    tokens = Tokens(["a", "b"], columns)
    words = [[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [1.0, 0.0]]]
    found = targets.read(written(tmp_path / "t.parquet", ["a", "b"], probabilities=words), tokens)
    expected = torch.zeros(2, 5, 2)
    expected[0, 1], expected[0, 3], expected[1, 1] = (torch.tensor(p) for p in ([0.9, 0.1], [0.2, 0.8], [0.6, 0.4]))
    torch.testing.assert_close(found.targets([0, 1], CPU), expected)


def test_answers_to_other_rows_are_refused(tmp_path: Path) -> None:
    tokens = Tokens(["a", "b"], {"input_ids": [[1], [2]], "labels": [0, 1]})
    path = written(tmp_path / "t.parquet", ["a", "c"], prediction=[0.5, 1.0])
    with pytest.raises(DataError, match="not the teacher's answers to the training rows"):
        targets.read(path, tokens)


def cell(**options: Any) -> Cell:
    return Cell(
        dataset="d", model="m", method="x", task="classification", tuning={"name": "full"}, augmentation="none",
        adversarial=None, regularisers=[{"name": "distil", "ensemble": "e", **options}],
        training=Training(epochs=6, batch_size=8, precision="fp32", device="cpu"),
        learning_rates=(1e-4, 1e-2, 3e-3), search=Search(trials=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def rows(tiny_folder: Path) -> tuple[Tokens, pd.DataFrame]:
    texts = ["a great film", "what a bore", "moving and funny, a joy", "dull, long and loud"] * 6
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(24)], "text": texts, "label": ["no", "yes"] * 12})
    encoded = tasks.get("classification").encode(load_tokenizer(tiny_folder), frame, ["no", "yes"], max_length=32)
    return Tokens(list(frame["id"]), encoded), frame


def test_a_student_comes_to_what_its_teacher_says(rows: Any, tiny_folder: Path, tmp_path: Path) -> None:
    """The teacher is unsure of the even rows and wrong about the odd ones; with weight 1 labels have no say."""
    tokens, frame = rows
    said = [[0.6, 0.4], [0.8, 0.2]] * 12
    taught = targets.read(written(tmp_path / "t.parquet", tokens.ids, probabilities=said), tokens)
    data = Data(train=taught, validation=tokens, gold=frame, labels=["no", "yes"])
    fitted = fit(cell(weight=1.0), data, model_folder=tiny_folder, learning_rate=3e-3, warmup_ratio=0.0, seed=0)
    found = predict(fitted.model, tasks.get("classification"), tokens, data.labels, precision="fp32").frame
    apart = np.abs(np.stack(list(found["probabilities"])) - np.array(said)).mean()
    assert apart < 0.08


def test_without_a_teachers_answer_the_method_cannot_run(rows: Any, tiny_folder: Path, tmp_path: Path) -> None:
    tokens, frame = rows
    empty = targets.read(written(tmp_path / "t.parquet", [], probabilities=[]), tokens)
    data = Data(train=empty, validation=tokens, gold=frame, labels=["no", "yes"])
    with pytest.raises(MethodError, match="each member of the ensemble e, which it learns from, was left out"):
        fit(cell(), data, model_folder=tiny_folder, learning_rate=1e-3, warmup_ratio=0.0, seed=0)
