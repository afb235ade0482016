"""Tunings on embeddings, against scikit-learn on embeddings that the test computes for itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from tuneproof import files, search, tasks, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import MethodError
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict
from tuneproof.train.resume import Resume

GOOD = ["a wonderful film", "what a delight", "warm, funny and wise", "the best thing I have seen this year by a mile"]
BAD = ["dull and far too long", "I want my money back", "a mess", "not worth the ticket, and that is putting it kindly"]
ODD = ["the film opens on friday", "it was shot in Iceland", "two hours and ten minutes"]
TEXTS = [*GOOD, *BAD, *ODD]
LABELS = ["good"] * 4 + ["bad"] * 4 + ["odd"] * 3
CLASSES = ["bad", "good", "odd"]
ASKED = [
    "a funny and wise delight",
    "a dull mess",
    "a film of two hours",
    "I want to see the best of Iceland this year",
]
SENTENCES = [["Ann", "lives", "in", "New", "York"], ["the", "York", "train"], ["Bob", "met", "Ann", "."]]
TAGS = [["B-person", "O", "O", "B-place", "I-place"], ["O", "B-place", "O"], ["B-person", "O", "B-person", "O"]]
TAG_NAMES = ["O", "B-person", "I-person", "B-place", "I-place"]


def rows(minilm: Path, task: str, inputs: list[Any], answers: list[Any], labels: list[str]) -> tuple[Tokens, Any]:
    ids = [f"r{row}" for row in range(len(inputs))]
    columns = ("tokens", "tags") if task == "ner" else ("text", "label")
    frame = pd.DataFrame({"id": ids, columns[0]: inputs, columns[1]: answers})
    encoded = tasks.get(task).encode(load_tokenizer(minilm), frame, labels, max_length=32)
    for name in ("input_ids", "token_type_ids", "labels"):
        if isinstance(encoded[name][0], list):
            encoded[name] = [np.array(row) for row in encoded[name]]
    return Tokens(ids, encoded), frame


@pytest.fixture(scope="module")
def data(minilm: Path) -> dict[str, Data]:
    numbers = [float(len(text)) / 10 for text in TEXTS]
    made = {}
    for task, inputs, answers, asked, labels in (
        ("classification", TEXTS, LABELS, ASKED, CLASSES),
        ("regression", TEXTS, numbers, ASKED, ["value"]),
        ("ner", SENTENCES, TAGS, SENTENCES, TAG_NAMES),
    ):
        train, _ = rows(minilm, task, inputs, answers, labels)
        validation, gold = rows(minilm, task, asked, answers[: len(asked)], labels)
        made[task] = Data(train, validation, gold, labels)
    return made


@pytest.fixture(scope="module")
def embed(minilm: Path) -> Callable[..., np.ndarray]:
    """Mean of the last hidden states without padding, of length 1; one text at a time, so that there is none."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(minilm), AutoModel.from_pretrained(minilm).eval()

    def compute(texts: list[str]) -> np.ndarray:
        with torch.no_grad():
            found = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts]
        stacked = torch.stack(found).double().numpy()
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)

    return compute


@pytest.fixture(scope="module")
def embed_words(minilm: Path) -> Callable[..., np.ndarray]:
    """The last hidden state of each word's first sub-token, of length 1."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(minilm), AutoModel.from_pretrained(minilm).eval()

    def compute(sentences: list[list[str]]) -> np.ndarray:
        found = []
        for words in sentences:
            encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
            with torch.no_grad():
                hidden = model(**encoded).last_hidden_state[0].double().numpy()
            ids = encoded.word_ids()
            found += [hidden[ids.index(word)] for word in range(len(words))]
        stacked = np.stack(found)
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)

    return compute


def make_cell(name: str, task: str, **options: Any) -> Cell:
    return Cell(
        dataset="d",
        model="m",
        method=name,
        task=task,
        tuning={"name": name, **options},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=1, batch_size=8, precision="fp32", device="cpu"),
        learning_rates=tuple(tunings.get(name).learning_rates),
        search=Search(trials=3),
    )


def fitted(name: str, task: str, data: dict[str, Data], minilm: Path, scale: float, **options: Any) -> Any:
    d = data[task]
    fresh = Data(d.train, d.validation, d.gold, d.labels)
    cell = make_cell(name, task, **options)
    return fit(cell, fresh, model_folder=minilm, learning_rate=scale, warmup_ratio=0.0, seed=0)


def answers(result: Any, task: str, data: dict[str, Data]) -> pd.DataFrame:
    d = data[task]
    return predict(result.model, tasks.get(task), d.validation, d.labels, precision="fp32").frame


def probabilities(result: Any, task: str, data: dict[str, Data]) -> np.ndarray:
    return np.stack([row for rows in answers(result, task, data)["probabilities"] for row in np.atleast_2d(rows)])


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_is_scikit_learns(data, minilm, embed, classes):
    from sklearn.linear_model import LogisticRegression

    chosen = [row for row, label in enumerate(LABELS) if label in CLASSES[:classes]]
    train, _ = rows(
        minilm, "classification", [TEXTS[i] for i in chosen], [LABELS[i] for i in chosen], CLASSES[:classes]
    )
    asked = data["classification"]
    some = {"classification": Data(train, asked.validation, asked.gold, CLASSES[:classes])}
    some["classification"].validation.columns["labels"][:] = [0] * len(ASKED)
    found = probabilities(fitted("logistic", "classification", some, minilm, 5.0), "classification", some)
    direct = LogisticRegression(C=5.0, tol=1e-8, max_iter=5000).fit(embed(TEXTS)[chosen], np.array(LABELS)[chosen])
    np.testing.assert_allclose(found, direct.predict_proba(embed(ASKED)), atol=1e-3)


def test_ridge_is_its_normal_equations(data, minilm, embed):
    numbers = np.array([len(text) / 10 for text in TEXTS])
    x = embed(TEXTS)
    centred = x - x.mean(0)
    weights = np.linalg.solve(centred.T @ centred + np.eye(x.shape[1]) / 2.0, centred.T @ (numbers - numbers.mean()))
    expected = (embed(ASKED) - x.mean(0)) @ weights + numbers.mean()
    found = answers(fitted("logistic", "regression", data, minilm, 2.0), "regression", data)["prediction"]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_logistic_on_words_leaves_out_tags_that_no_row_shows(data, minilm, embed_words):
    from sklearn.linear_model import LogisticRegression

    found = probabilities(fitted("logistic", "ner", data, minilm, 20.0), "ner", data)
    flat = [tag for tags in TAGS for tag in tags]
    direct = LogisticRegression(C=20.0, tol=1e-8, max_iter=5000).fit(embed_words(SENTENCES), flat)
    expected = np.zeros_like(found)
    for column, name in enumerate(direct.classes_):
        expected[:, TAG_NAMES.index(name)] = direct.predict_proba(embed_words(SENTENCES))[:, column]
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert found[:, TAG_NAMES.index("I-person")].max() < 1e-6


def test_nearest_mean_is_scikit_learns(data, minilm, embed):
    from sklearn.neighbors import NearestCentroid

    result = fitted("nearest-mean", "classification", data, minilm, 0.1)
    direct = NearestCentroid().fit(embed(TEXTS), LABELS)
    assert list(answers(result, "classification", data)["prediction"]) == list(direct.predict(embed(ASKED)))
    squares = ((embed(ASKED)[:, None] - direct.centroids_[None]) ** 2).sum(-1)
    np.testing.assert_allclose(probabilities(result, "classification", data), softmax(-squares / 0.1, -1), atol=1e-4)


@pytest.mark.parametrize("k", [1, 4, 99])
def test_knn_is_scikit_learns(data, minilm, embed, k):
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    options = {"n_neighbors": min(k, len(TEXTS)), "weights": "distance", "metric": "cosine"}
    found = probabilities(fitted("knn", "classification", data, minilm, float(k)), "classification", data)
    direct = KNeighborsClassifier(**options).fit(embed(TEXTS), LABELS).predict_proba(embed(ASKED))
    np.testing.assert_allclose(found, direct, atol=5e-4)
    numbers = [len(text) / 10 for text in TEXTS]
    expected = KNeighborsRegressor(**options).fit(embed(TEXTS), numbers).predict(embed(ASKED))
    found = answers(fitted("knn", "regression", data, minilm, float(k)), "regression", data)["prediction"]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_knn_keeps_its_rows_in_the_checkpoint(data, minilm, tmp_path):
    from safetensors.numpy import load_file

    result = fitted("knn", "classification", data, minilm, 3.0)
    checkpoint.save(result.model, make_cell("knn", "classification"), CLASSES, seed=0, steps=0, folder=tmp_path / "c")
    stored = load_file(tmp_path / "c" / "learned.safetensors")
    assert stored["head.embeddings"].shape == (len(TEXTS), 384)
    assert [CLASSES[answer] for answer in stored["head.answers"]] == LABELS
    model, task, labels = checkpoint.load(tmp_path / "c", minilm)
    again = predict(model, task, data["classification"].validation, labels, precision="fp32").frame
    assert np.array_equal(np.stack(again["probabilities"]), probabilities(result, "classification", data))


def test_nn_tagger_takes_the_nearest_training_word(data, minilm, embed_words):
    from sklearn.neighbors import KNeighborsClassifier

    d = data["ner"]
    asked = [["Bob", "lives", "in", "York"], ["a", "train", "to", "New", "York"]]
    validation, gold = rows(minilm, "ner", asked, [["O"] * len(words) for words in asked], TAG_NAMES)
    other = {"ner": Data(d.train, validation, gold, d.labels)}
    result = fitted("nn-tagger", "ner", other, minilm, 0.1)
    flat = [tag for tags in TAGS for tag in tags]
    direct = KNeighborsClassifier(1, metric="sqeuclidean").fit(embed_words(SENTENCES), flat)
    found = probabilities(result, "ner", other)
    assert [TAG_NAMES[place] for place in found.argmax(-1)] == list(direct.predict(embed_words(asked)))
    nearest = np.stack([
        ((embed_words(asked)[:, None] - embed_words(SENTENCES)[np.array(flat) == name][None]) ** 2).sum(-1).min(-1)
        if name in flat else np.full(9, np.inf) for name in TAG_NAMES
    ], axis=1)  # fmt: skip
    np.testing.assert_allclose(found, softmax(-nearest / 0.1, axis=-1), atol=1e-3)


def test_zero_shot_is_the_cosine_to_the_descriptions(data, minilm, embed):
    described = {"odd": "It is a fact about the film."}
    result = fitted("zero-shot", "classification", data, minilm, 0.2, descriptions=described, template="So {label}!")
    texts = ["So bad!", "So good!", "It is a fact about the film."]
    expected = softmax(embed(ASKED) @ embed(texts).T / 0.2, axis=-1)
    np.testing.assert_allclose(probabilities(result, "classification", data), expected, atol=1e-4)


def test_zero_shot_looks_at_no_training_row(data, minilm):
    d = data["classification"]
    turned = {**d.train.columns, "labels": d.train.columns["labels"][::-1]}
    other = {"classification": Data(Tokens(d.train.ids, turned), d.validation, d.gold, d.labels)}
    found = [
        probabilities(fitted("zero-shot", "classification", x, minilm, 0.1), "classification", x) for x in (data, other)
    ]
    assert np.array_equal(*found)


def test_zero_shot_refuses_descriptions_of_what_is_no_label(data, minilm):
    with pytest.raises(MethodError, match=r"^descriptions has ugly, which is no label; labels: bad, good, odd$"):
        fitted("zero-shot", "classification", data, minilm, 0.1, descriptions={"ugly": "An ugly film."})
    with pytest.raises(ValueError, match="a text with"):
        tunings.get("zero-shot")(template="no place")


def test_setfits_loss_is_the_mean_over_pairs():
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(5, 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels = [0, 1, 0, 2, 1]
    errors: dict[bool, list[float]] = {True: [], False: []}
    for i in range(5):
        for j in range(i):
            same = labels[i] == labels[j]
            errors[same].append((float(embeddings[i] @ embeddings[j]) - same) ** 2)
    outputs = SimpleNamespace(embeddings=torch.tensor(embeddings, requires_grad=True))
    tuning = tunings.get("setfit")()
    found = tuning.objective(SimpleNamespace(labels=torch.tensor(labels)), outputs)
    assert float(found.detach()) == pytest.approx((np.mean(errors[True]) + np.mean(errors[False])) / 2, rel=1e-5)
    alone = SimpleNamespace(embeddings=torch.tensor(embeddings[:1], requires_grad=True))
    none = tuning.objective(SimpleNamespace(labels=torch.tensor([1])), alone)
    none.backward()
    assert float(none.detach()) == 0.0
    assert not alone.embeddings.grad.any()


def test_setfit_brings_classes_together_and_reloads(data, minilm, tmp_path):
    d = data["classification"]
    cell = make_cell("setfit", "classification")
    cell = cell.model_copy(update={"training": Training(epochs=3, batch_size=11, precision="fp32", device="cpu")})
    fresh = Data(d.train, d.train, pd.DataFrame({"label": LABELS}), d.labels)
    result = fit(cell, fresh, model_folder=minilm, learning_rate=2e-4, warmup_ratio=0.0, seed=0)
    losses = [line["train_loss"] for line in result.history]
    assert losses[2] < losses[0]
    assert result.scores()["accuracy"] == 1.0
    checkpoint.save(result.model, cell, CLASSES, seed=0, steps=result.steps, folder=tmp_path / "c")
    model, task, labels = checkpoint.load(tmp_path / "c", minilm)
    again = predict(model, task, d.validation, labels, precision="fp32").frame
    assert np.array_equal(np.stack(again["probabilities"]), probabilities(result, "classification", data))


@pytest.mark.parametrize("name", ["knn", "logistic", "nearest-mean", "zero-shot"])
def test_a_fit_without_steps(data, minilm, tmp_path, name):
    """One epoch, no step, no training loss; a second epoch and an existing state change nothing."""
    result = fitted(name, "classification", data, minilm, 1.0)
    assert (result.steps, result.best_epoch, len(result.history)) == (0, 1, 1)
    assert "train_loss" not in result.history[0]
    assert result.seconds > 0
    assert result.trainable == sum(x.numel() for x in tunings.get(name)().settled(result.model).values()) > 0
    cell, d = make_cell(name, "classification"), data["classification"]
    twice = cell.model_copy(update={"training": Training(epochs=2, precision="fp32", device="cpu")})
    fresh = Data(d.train, d.validation, d.gold, d.labels)
    keep = Resume(tmp_path, "x", "identity", seconds=0)
    other = fit(twice, fresh, model_folder=minilm, learning_rate=1.0, warmup_ratio=0.1, seed=1, keep=keep)
    assert np.array_equal(probabilities(result, "classification", data), probabilities(other, "classification", data))
    assert not list(tmp_path.iterdir())


def test_stored_features_are_those_of_the_body(data, minilm, monkeypatch):
    from tuneproof.train import loop

    stored = probabilities(fitted("nearest-mean", "classification", data, minilm, 0.1), "classification", data)
    monkeypatch.setattr(loop, "fits_in_memory", lambda *_: False)
    plain = probabilities(fitted("nearest-mean", "classification", data, minilm, 0.1), "classification", data)
    np.testing.assert_allclose(stored, plain, atol=1e-5)


def test_the_search_prunes_no_trial_of_a_closed_form(data, minilm, tmp_path):
    d = data["classification"]
    cell = make_cell("knn", "classification")
    fresh = Data(d.train, d.validation, d.gold, d.labels)
    search.run(cell, fresh, model_folder=minilm, fingerprint="f" * 64, scratch=tmp_path / "s", out=tmp_path)
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert list(trials["state"]) == ["complete"] * 3
    assert list(trials["epochs"]) == [1] * 3
    assert files.read_json(tmp_path / "best.json")["range"] == [1.0, 64.0]


def test_zero_shot_beats_chance_on_movie_reviews(minilm, tmp_path):
    """Real reviews, about half of them negative: chance gets 100 of 200, three standard deviations above it 121."""
    import yaml

    from tuneproof import fetch, tokenize
    from tuneproof.dataset import Dataset
    from tuneproof.prepare import run as prepare
    from tuneproof.train.run import load_data

    project = Path(__file__).parents[2]
    declared = yaml.safe_load((project / "experiments" / "accuracy.yaml").read_text())["datasets"]["movie-sentiment"]
    dataset = Dataset.model_validate({**declared, "split": {"validation": 200, "test": 50}, "train_size": 8})
    prepare.run(dataset, "movie", fetch.fetch_data(dataset.source, project / "data"), tmp_path)
    splits = {split: tmp_path / f"{split}.parquet" for split in ("train", "validation")}
    card = tmp_path / "card.json"
    tokenize.run(
        task_name="classification", max_length=64, model=minilm, card=card, splits=splits, out=tmp_path / "tokens"
    )
    cell = make_cell("zero-shot", "classification")
    real = load_data(cell, prepared=tmp_path, train=tmp_path / "tokens/train.parquet", tokens=tmp_path / "tokens")
    result = fit(cell, real, model_folder=minilm, learning_rate=0.05, warmup_ratio=0.0, seed=0)
    assert 90 < (real.gold["label"] == "positive").sum() < 110
    assert result.scores()["accuracy"] > 0.61
