"""The loop on the real model and a few rows: repeatable, and every option does what it says."""

import numpy as np
import pandas as pd
import pytest
import torch

from tuneproof import tasks, tunings
from tuneproof.cell import Cell, EarlyStopping, Search, Training
from tuneproof.errors import MethodError
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint, loop
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, DivergedError, fit
from tuneproof.train.predict import predict
from tuneproof.train.vocabulary import Vocabulary

TEXTS = ["a great film", "what a bore", "moving and funny, a joy", "dull, long and loud"] * 4
LABELS = ["positive", "negative"] * 8


@pytest.fixture(scope="module")
def data(minilm):
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(16)], "text": TEXTS, "label": LABELS})
    task = tasks.get("classification")
    encoded = task.encode(load_tokenizer(minilm), frame, ["negative", "positive"], max_length=32)
    encoded["input_ids"] = [np.array(ids) for ids in encoded["input_ids"]]
    encoded["token_type_ids"] = [np.array(ids) for ids in encoded["token_type_ids"]]
    tokens = Tokens(list(frame["id"]), encoded)
    return Data(train=tokens, validation=tokens, gold=frame, labels=["negative", "positive"])


def make_cell(tuning="full", **training):
    settings = {"epochs": 2, "batch_size": 8, "precision": "fp32", **training}
    low, high, first = tunings.get(tuning).learning_rates
    return Cell(
        dataset="d",
        model="m",
        method=tuning,
        task="classification",
        tuning={"name": tuning},
        augmentation="none",
        adversarial=None,
        training=Training(**settings),
        learning_rates=(low, high, first),
        search=Search(),
    )


def run(cell, data, minilm, **options):
    arguments = {"learning_rate": 1e-4, "warmup_ratio": 0.1, "seed": 0, **options}
    return fit(cell, Data(data.train, data.validation, data.gold, data.labels), model_folder=minilm, **arguments)


def weights(result):
    return {name: parameter.detach().clone() for name, parameter in result.model.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_equal_seeds_give_equal_bits_and_other_seeds_do_not(data, minilm):
    first, again, other = (run(make_cell(), data, minilm, seed=seed) for seed in (0, 0, 1))
    assert same(weights(first), weights(again))
    assert first.history == again.history
    assert not same(weights(first), weights(other))


def test_a_small_set_is_learned_by_heart(data, minilm):
    result = run(make_cell(epochs=8), data, minilm, learning_rate=3e-4)
    assert result.history[-1]["train_loss"] < 0.3 * result.history[0]["train_loss"]
    assert result.scores()["accuracy"] == 1.0


def test_memory_running_out_halves_the_forward_pass_not_the_batch(data, minilm, monkeypatch):
    calm = run(make_cell(dropout=0.0), data, minilm)
    collate, sizes, notes = Tokens.collate, [], []

    def tight(self, rows, pad_id, device):
        if len(rows) > 4 and not any(name == "predict" for name in _callers()):
            raise torch.OutOfMemoryError("simulated")
        sizes.append(len(rows))
        return collate(self, rows, pad_id, device)

    monkeypatch.setattr(Tokens, "collate", tight)
    squeezed = run(make_cell(dropout=0.0), data, minilm, progress=notes.append)
    assert any("out of memory" in str(note.get("note")) for note in notes)
    assert 4 in sizes
    assert squeezed.steps == calm.steps
    for name, value in weights(calm).items():
        assert torch.allclose(value, weights(squeezed)[name], atol=2e-5), name


def _callers():
    import sys

    frame = sys._getframe(2)
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back


def test_accumulated_small_batches_step_like_a_large_one(data, minilm):
    large = run(make_cell(dropout=0.0, batch_size=16), data, minilm)
    small = run(make_cell(dropout=0.0, batch_size=4, accumulation=4), data, minilm)
    assert large.steps == small.steps == 2
    for name, value in weights(large).items():
        assert torch.allclose(value, weights(small)[name], atol=2e-4), name


def test_early_stopping_restores_the_best_epoch(data, minilm, monkeypatch):
    scores, seen = iter([0.5, 0.9, 0.7, 0.6, 0.8]), []

    class Judge(type(tasks.get("classification"))):
        def evaluate(self, gold, predicted):
            return {"accuracy": next(scores)}

    def watched(model, *arguments, **options):
        seen.append({name: parameter.detach().clone() for name, parameter in model.named_parameters()})
        return predict(model, *arguments, **options)

    monkeypatch.setattr(loop.tasks, "get", lambda name: Judge())
    monkeypatch.setattr(loop, "predict", watched)
    result = run(make_cell(epochs=5, early_stopping=EarlyStopping(patience=2)), data, minilm)
    assert len(seen) == len(result.history) == 4
    assert result.best_epoch == 2
    assert result.scores() == {"accuracy": 0.9}
    kept = {name: value for name, value in weights(result).items() if "word_embeddings" not in name}
    assert same(kept, seen[1])  # word embeddings: a small vocabulary's while training
    assert not same(kept, seen[3])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"early_stopping": EarlyStopping(patience=1), "epochs": 3},
        {"tuning": "gradual", "epochs": 3},  # words decay only when they are unfrozen
        {"tuning": "layerwise"},  # words decay at their own rate
    ],
)
def test_the_small_vocabulary_changes_nothing_but_rounding(data, minilm, monkeypatch, options):
    settings = {"weight_decay": 0.5, "dropout": 0.0, **options}
    small = run(make_cell(**settings), data, minilm, learning_rate=1e-3)
    monkeypatch.setattr(Vocabulary, "worthwhile", lambda self: False)
    whole = run(make_cell(**settings), data, minilm, learning_rate=1e-3)
    assert small.trainable == whole.trainable
    assert weights(small).keys() == weights(whole).keys()
    for name, value in weights(whole).items():
        assert torch.allclose(value, weights(small)[name], rtol=1e-4, atol=2e-5), name
    unseen = "bert.embeddings.word_embeddings.weight"
    assert torch.allclose(weights(small)[unseen][5000], weights(whole)[unseen][5000], rtol=1e-6, atol=0)


def test_dropout_setting_reaches_the_model(data, minilm):
    model = run(make_cell(dropout=0.25), data, minilm).model
    rates = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.25}


def test_sgd_is_selectable(data, minilm):
    adam, sgd = run(make_cell(), data, minilm), run(make_cell(optimizer="sgd"), data, minilm)
    assert not same(weights(adam), weights(sgd))


def test_a_rate_far_too_high_is_said_to_diverge(data, minilm):
    with pytest.raises(DivergedError, match="learning rate 1e"):
        run(make_cell(optimizer="sgd", epochs=20, max_grad_norm=0, schedule="cosine"), data, minilm, learning_rate=1e12)


def test_frozen_features_give_the_head_what_the_body_would(data, minilm, monkeypatch):
    stored = run(make_cell("probe", dropout=0.0), data, minilm, learning_rate=1e-2)
    monkeypatch.setattr(loop, "fits_in_memory", lambda *_: False)
    plain = run(make_cell("probe", dropout=0.0), data, minilm, learning_rate=1e-2)
    for name, value in weights(plain).items():
        assert torch.allclose(value, weights(stored)[name], atol=1e-4), name


def test_a_tuning_that_starts_from_data_sees_every_position_of_every_layer(data, minilm):
    """EVA reads the inputs of each query projection, of which the shortened last layer would show one token's."""
    cell = make_cell("lora").model_copy(update={"tuning": {"name": "lora", "init": "eva", "rank": 4}})
    assert run(cell, data, minilm, learning_rate=1e-3).history[-1]["validation_accuracy"] >= 0


def test_a_tuning_that_does_not_fit_says_why(data, minilm, monkeypatch):
    monkeypatch.setattr(tunings.get("lora"), "skip", lambda self, task, model: "no attention layers found")
    with pytest.raises(MethodError, match=r"^no attention layers found$"):
        run(make_cell("lora"), data, minilm)


@pytest.mark.parametrize(
    "tuning",
    [
        name
        for name in tunings.TUNINGS
        if "classification" in tunings.get(name).tasks and not name.startswith("cloze")  # MiniLM lacks its head
    ],
)
def test_a_checkpoint_predicts_what_was_trained(tuning, data, minilm, tmp_path):
    cell = make_cell(tuning)
    _low, _high, first = cell.learning_rates
    result = run(cell, data, minilm, learning_rate=first * 3)
    before = predict(result.model, tasks.get("classification"), data.validation, data.labels, precision="fp32").frame
    checkpoint.save(result.model, cell, data.labels, seed=0, steps=result.steps, folder=tmp_path / "checkpoint")
    model, task, labels = checkpoint.load(tmp_path / "checkpoint", minilm)
    after = predict(model, task, data.validation, labels, precision="fp32").frame
    assert np.array_equal(np.stack(before["probabilities"]), np.stack(after["probabilities"]))
    assert not list((tmp_path / "checkpoint").glob("*.bin"))


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_gradient_checkpointing_changes_no_number(tuning, data, minilm):
    plain, saving = (run(make_cell(tuning, gradient_checkpointing=on), data, minilm) for on in (False, True))
    assert saving.model.is_gradient_checkpointing
    assert same(weights(plain), weights(saving))
