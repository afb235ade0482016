"""Whole fits on a tiny model: kills, early stopping with averaged weights, frozen bodies, the small vocabulary."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuneproof import regularisers, tasks
from tuneproof.adversarial import ADVERSARIAL
from tuneproof.cell import Cell, EarlyStopping, Search, Training
from tuneproof.errors import MethodError
from tuneproof.regularisers import REGULARISERS
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import loop, resume
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict
from tuneproof.train.resume import Resume

TEXTS = ["a great film", "what a bore", "moving and funny, a joy", "dull, long and loud"] * 6
LABELS = ["positive", "negative"] * 12
STEPS = 9
"""Three epochs of three batches."""


class Killed(BaseException):
    """Stands for SIGKILL at one step: nothing that the fit does may catch it."""


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tiny_folder: Path) -> Data:
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(24)], "text": TEXTS, "label": LABELS})
    encoded = tasks.get("classification").encode(
        load_tokenizer(tiny_folder), frame, ["negative", "positive"], max_length=32
    )
    for name in ("input_ids", "token_type_ids"):
        encoded[name] = [np.array(ids) for ids in encoded[name]]
    tokens = Tokens(list(frame["id"]), encoded)
    return Data(train=tokens, validation=tokens, gold=frame, labels=["negative", "positive"])


def make_cell(tuning: str, parts: list[dict[str, Any]], opponent: dict[str, Any] | None, **training: Any) -> Cell:
    return Cell(
        dataset="d",
        model="m",
        method="x",
        task="classification",
        tuning={"name": tuning},
        augmentation="none",
        adversarial=opponent,
        regularisers=parts,
        training=Training(**{"epochs": 3, "batch_size": 8, "precision": "fp32", "dropout": 0.1, **training}),
        learning_rates=(1e-4, 1e-1, 1e-2),
        search=Search(),
    )


def run(
    cell: Cell, data: Data, model: Path, folder: Path | None = None, *, kill_at: int | None = None, rate: float = 5e-3
) -> Any:
    """A fit that saves after every step, and is killed after step `kill_at`."""
    keep: Any = None if folder is None else Resume(folder, "fit", resume.identity(cell, "inputs"), seconds=0.0)
    if kill_at:
        save = keep.save

        def then_die(state: Callable[[], resume.State]) -> None:
            save(state)
            if state().values["outcome"]["steps"] == kill_at:
                raise Killed

        keep.save = then_die
    shared = Data(data.train, data.validation, data.gold, data.labels)
    return fit(cell, shared, model_folder=model, learning_rate=rate, warmup_ratio=0.1, seed=0, keep=keep)


def outcome(result: Any) -> Any:
    weights = {name: value.numpy().tobytes() for name, value in result.model.state_dict().items()}
    return weights, result.history, result.best_epoch, result.steps


CASES: dict[str, dict[str, Any]] = {
    "ema": {"parts": [{"name": "ema", "decay": 0.6}]},
    "swa": {"parts": [{"name": "swa", "start": 0.3}]},
    "swa with early stopping": {
        "parts": [{"name": "swa", "start": 0.2}],
        "early_stopping": EarlyStopping(patience=3),
    },
    "mixup": {"parts": [{"name": "mixup", "alpha": 1.0, "layer": 1}]},
    "mixout": {"parts": [{"name": "mixout"}]},
    "child-tuning": {"parts": [{"name": "child-tuning"}]},
    "freelb": {"opponent": {"name": "freelb"}},
    "vat": {"opponent": {"name": "vat"}},
    "many": {
        "parts": [{"name": name} for name in ("rdrop", "mixup", "mixout", "l2-sp", "child-tuning", "ema")],
        "opponent": {"name": "smart"},
        "accumulation": 2,
        "batch_size": 4,
    },
    "lora, ema": {"parts": [{"name": "ema"}], "opponent": {"name": "pgd"}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_fit_ends_like_an_undisturbed_one(case: str, data: Data, tiny_folder: Path, tmp_path: Path) -> None:
    chosen = {"parts": [], "opponent": None, **CASES[case]}
    cell = make_cell("lora" if case.startswith("lora") else "full", **chosen)
    calm = outcome(run(cell, data, tiny_folder))
    assert calm[3] == STEPS
    for step in sorted(random.Random(case).sample(range(1, STEPS), 2)):
        with pytest.raises(Killed):
            run(cell, data, tiny_folder, tmp_path, kill_at=step)
    assert outcome(run(cell, data, tiny_folder, tmp_path)) == calm


@pytest.mark.parametrize("part", [{"name": "ema", "decay": 0.6}, {"name": "swa", "start": 0.2}])
@pytest.mark.parametrize("early", [False, True])
def test_averaged_weights_are_judged_and_kept(
    part: dict[str, Any], early: bool, data: Data, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With early stopping the best epoch's averages come back, whatever the later epochs did."""
    task = tasks.get("classification")
    averages, judged = [], iter([0.5, 0.9, 0.7, 0.6])
    stopping = EarlyStopping(patience=2) if early else None
    cell = make_cell("full", [part], None, epochs=4, early_stopping=stopping)
    validate = loop._Fitting.validate

    def watched(fitting: Any, epoch: int) -> dict[str, float]:
        scores = validate(fitting, epoch)
        averages.append({name: tensor.clone() for name, tensor in fitting.regularisers[0].averaged().items()})
        if epoch > 1:
            assert not any(torch.equal(value, fitting.parameters[name]) for name, value in averages[-1].items())
        return {**scores, "accuracy": next(judged)} if early else scores

    monkeypatch.setattr(loop._Fitting, "validate", watched)
    result = run(cell, data, tiny_folder)
    assert len(result.history) == 4
    assert result.best_epoch == (2 if early else 4)
    kept = averages[result.best_epoch - 1]
    assert kept
    for name, value in kept.items():
        assert torch.equal(result.model.get_parameter(name), value), name
    again = predict(result.model, task, data.validation, data.labels, precision="fp32")
    line = result.history[result.best_epoch - 1]
    assert again.loss == pytest.approx(line["validation_loss"], rel=1e-6)
    assert task.evaluate(data.gold, again.frame)["accuracy"] == line["validation_accuracy"]


FROZEN = {"supcon": "frozen", "mixout": "none of them learns"}


@pytest.mark.parametrize("name", sorted({*REGULARISERS, *ADVERSARIAL}))
def test_a_frozen_body_works_or_it_says_why_not(name: str, data: Data, tiny_folder: Path) -> None:
    parts, opponent = ([{"name": name}], None) if name in REGULARISERS else ([], {"name": name})
    cell = make_cell("probe", parts, opponent, epochs=2)
    if name in FROZEN:
        with pytest.raises(MethodError, match=FROZEN[name]):
            run(cell, data, tiny_folder)
        return
    result = run(cell, data, tiny_folder, rate=3e-2)
    fresh = run(cell, data, tiny_folder, rate=1e-9)
    for key, value in result.model.named_parameters():
        assert value.requires_grad != torch.allclose(value, fresh.model.get_parameter(key), atol=1e-6), key
    assert result.history[-1]["validation_loss"] < fresh.history[-1]["validation_loss"]


@pytest.mark.parametrize("name", sorted(REGULARISERS))
def test_the_small_vocabulary_changes_nothing(
    name: str, data: Data, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a regulariser does more to unmentioned words than decay, all words take part: no weight may differ."""
    cell = make_cell("full", [{"name": name}], None, epochs=1, weight_decay=0.1)
    used = run(cell, data, tiny_folder).model.get_input_embeddings().weight
    if name == "child-tuning":  # a mask of another shape is another draw; words without a gradient still only decay
        mentioned = np.unique(np.concatenate(data.train.columns["input_ids"]))
        base = loop.load_base(tiny_folder, tasks.get("classification"), data.labels, seed=0)
        whole = base.get_input_embeddings().weight
        rest = np.setdiff1d(np.arange(len(used)), [0, *mentioned])
        ratio = (used[rest] / whole[rest])[whole[rest].abs() > 1e-3]
        assert ratio.std() < 1e-4
        assert ratio.mean() < 1
        return
    monkeypatch.setattr(regularisers.get(name), "whole_vocabulary", True)
    whole = run(cell, data, tiny_folder).model.get_input_embeddings().weight
    torch.testing.assert_close(used, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("opponent", [None, {"name": "freelb"}, {"name": "vat"}, {"name": "smart"}])
def test_gradient_checkpointing_changes_no_weight(
    opponent: dict[str, Any] | None, data: Data, tiny_folder: Path
) -> None:
    """Layers are computed a second time in the backward pass: with the same dropout, mixed states and mixed weights."""
    parts = [{"name": "rdrop"}, {"name": "mixup", "layer": 1}, {"name": "mixout"}]
    ends = [
        run(make_cell("full", parts, opponent, epochs=1, gradient_checkpointing=again), data, tiny_folder).model
        for again in (False, True)
    ]
    for one, other in zip(*(model.parameters() for model in ends), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
