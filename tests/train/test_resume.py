"""A killed fit goes on and ends like an undisturbed one, bit for bit; a damaged state is not believed."""

import hashlib
import random
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from tuneproof import tasks, tunings
from tuneproof.cell import Cell, EarlyStopping, Search, Training
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import checkpoint, resume
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.predict import predict
from tuneproof.train.resume import BrokenStateError, Resume, State

TEXTS = ["a great film", "what a bore", "moving and funny, a joy", "dull, long and loud"] * 6
LABELS = ["positive", "negative"] * 12
STEPS = 9
"""Three epochs of three batches."""


class Killed(BaseException):
    """Stands for SIGKILL at one step: nothing that the fit does may catch it."""


@pytest.fixture(scope="module")
def data(minilm):
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(24)], "text": TEXTS, "label": LABELS})
    encoded = tasks.get("classification").encode(load_tokenizer(minilm), frame, ["negative", "positive"], max_length=32)
    for name in ("input_ids", "token_type_ids"):
        encoded[name] = [np.array(ids) for ids in encoded[name]]
    tokens = Tokens(list(frame["id"]), encoded)
    return Data(train=tokens, validation=tokens, gold=frame, labels=["negative", "positive"])


def make_cell(tuning, **training):
    low, high, first = tunings.get(tuning).learning_rates
    return Cell(
        dataset="d",
        model="m",
        method=tuning,
        task="classification",
        tuning={"name": tuning, **training.pop("options", {})},
        augmentation="none",
        adversarial=training.pop("adversarial", None),
        training=Training(**{"epochs": 3, "batch_size": 8, "precision": "fp32", "dropout": 0.1, **training}),
        learning_rates=(low, high, first),
        search=Search(),
    )


def keep_in(folder, cell, seconds=0.0):
    return Resume(folder, "fit", resume.identity(cell, "inputs"), seconds=seconds)


def run(cell, data, minilm, folder=None, *, kill_at=None, heard=None):
    """A fit that saves after every step, and is killed after step `kill_at`."""
    keep = None if folder is None else keep_in(folder, cell)
    save = keep.save if keep else None

    def then_die(state):
        save(state)
        if state().values["outcome"]["steps"] == kill_at:
            raise Killed

    if kill_at:
        keep.save = then_die
    after_epoch = (lambda line: None) if heard is None else heard.append
    shared = Data(data.train, data.validation, data.gold, data.labels)
    where = {"model_folder": minilm, "warmup_ratio": 0.1, "seed": 0, "keep": keep, "after_epoch": after_epoch}
    return fit(cell, shared, learning_rate=cell.learning_rates[2], **where)


def outcome(result, cell, data, folder):
    """sha256 of each file of the checkpoint, the predictions, and the history."""
    predicted = predict(result.model, tasks.get("classification"), data.validation, data.labels, precision="fp32").frame
    checkpoint.save(result.model, cell, data.labels, seed=0, steps=result.steps, folder=folder)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    return hashes, np.stack(predicted["probabilities"]).tobytes(), result.history, result.best_epoch, result.steps


CASES = {
    "full": {},
    "lora": {},
    "adalora": {},
    "probe": {},
    "gradual": {},
    "layerwise": {},
    "prompt": {},
    "full with early stopping": {"early_stopping": EarlyStopping(patience=3)},
    "full by sgd, accumulated": {"optimizer": "sgd", "accumulation": 2, "batch_size": 4},
    "lora against fgm": {"adversarial": {"name": "fgm"}},
    "lora from data": {"options": {"init": "eva"}},
    "trainable-tokens against fgm": {"adversarial": {"name": "fgm"}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_fit_ends_like_an_undisturbed_one(case, data, minilm, tmp_path):
    cell = make_cell(case.split()[0], **CASES[case])
    calm = outcome(run(cell, data, minilm), cell, data, tmp_path / "calm")
    assert calm[4] == STEPS
    moments = random.Random(case).sample(range(1, STEPS), 2)
    for step in sorted(moments):  # killed, started again, and killed again further on
        with pytest.raises(Killed):
            run(cell, data, minilm, tmp_path / "scratch", kill_at=step)
    heard = []
    resumed = outcome(run(cell, data, minilm, tmp_path / "scratch", heard=heard), cell, data, tmp_path / "resumed")
    assert resumed == calm
    assert heard == calm[2], "a search hears of every epoch, those before the kill too"


@pytest.mark.parametrize("step", [3, STEPS])
def test_a_kill_at_an_epoch_s_end_loses_no_validation(step, data, minilm, tmp_path):
    cell = make_cell("lora")
    calm = outcome(run(cell, data, minilm), cell, data, tmp_path / "calm")
    with pytest.raises(Killed):
        run(cell, data, minilm, tmp_path / "scratch", kill_at=step)
    assert outcome(run(cell, data, minilm, tmp_path / "scratch"), cell, data, tmp_path / "resumed") == calm


def test_a_resumed_fit_really_goes_on(data, minilm, tmp_path):
    """It takes the steps that are left, not all of them."""
    cell = make_cell("probe")
    with pytest.raises(Killed):
        run(cell, data, minilm, tmp_path, kill_at=7)
    keep, saved = keep_in(tmp_path, cell), []
    keep.save = lambda state: saved.append(state().values["outcome"]["steps"])
    fit(cell, data, model_folder=minilm, learning_rate=cell.learning_rates[2], warmup_ratio=0.1, seed=0, keep=keep)
    assert saved == [8, 9]


# files

STATE = State({"a": {"x": torch.arange(6.0), "y": torch.tensor(3)}, "b": {}}, {"epoch": 2, "score": -float("inf")})


def fresh(folder, identity="i" * 64, **options):
    return Resume(folder, "d-m-lora-seed-0", identity.replace("i", "1").replace("o", "2"), **options)


def test_a_state_comes_back_as_it_was(tmp_path):
    keep = fresh(tmp_path, seconds=0)
    keep.save(lambda: STATE)
    loaded = keep.load()
    assert torch.equal(loaded.tensors["a"]["x"], STATE.tensors["a"]["x"])
    assert loaded.tensors["b"] == {}
    assert loaded.values == STATE.values
    keep.clear()
    assert list(tmp_path.iterdir()) == []
    assert keep.load() is None


def test_a_state_is_written_when_it_is_time_and_not_asked_for_before(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    keep, asked = fresh(tmp_path, seconds=60), []

    def state():
        asked.append(now[0])
        now[0] += 4  # a large model takes long to write: then states are rarer, 5 % of the time at most
        return STATE

    for step in range(300):
        now[0] = max(now[0], 100 + step)
        keep.save(state)
    assert asked == [160, 244, 328]


@pytest.mark.parametrize("damage", ["truncated", "empty", "one bit", "text", "of another fit"])
def test_a_damaged_state_is_ignored_in_one_line(damage, tmp_path, caplog):
    keep = fresh(tmp_path, seconds=0)
    keep.save(lambda: STATE)
    content = bytearray(keep.path.read_bytes())
    if damage == "truncated":
        content = content[:-7]
    elif damage == "empty":
        content = bytearray()
    elif damage == "one bit":
        content[-9] ^= 1
    elif damage == "text":
        content = content.replace(b'epoch\\": 2', b'epoch\\": 3')
    else:
        other = fresh(tmp_path, "o" * 64, seconds=0)
        other.save(lambda: STATE)
        shutil.move(other.path, keep.path)
        content = bytearray(keep.path.read_bytes())
    keep.path.write_bytes(content)
    with caplog.at_level("INFO"):
        assert keep.load() is None
    assert len(caplog.messages) == 1
    assert str(keep.path) in caplog.text
    assert "ignored" in caplog.text
    with pytest.raises(BrokenStateError):
        resume.read(keep.path, keep.identity)


def test_a_state_of_other_inputs_is_ignored_and_removed_in_the_end(tmp_path, caplog):
    fresh(tmp_path, "o" * 64, seconds=0).save(lambda: STATE)
    keep = fresh(tmp_path)
    with caplog.at_level("INFO"):
        assert keep.load() is None
    assert ["other inputs" in line for line in caplog.messages] == [True]
    neighbour = Resume(tmp_path, "d-m-lora-seed-01", "3" * 64, seconds=0)
    neighbour.save(lambda: STATE)
    (tmp_path / f".{keep.path.name}.x1y2z3.part").write_bytes(b"a kill left this")
    keep.clear()
    assert list(tmp_path.iterdir()) == [neighbour.path]


def test_other_rates_code_threads_and_precision_are_other_fits(monkeypatch):
    cell = make_cell("lora")
    same = [resume.identity(cell, "f", 1e-3), resume.identity(cell, "f", 1e-3)]
    assert same[0] == same[1]
    others = [
        resume.identity(cell, "g", 1e-3),
        resume.identity(cell, "f", 2e-3),
        resume.identity(make_cell("lora", precision="bf16"), "f", 1e-3),
    ]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    others.append(resume.identity(cell, "f", 1e-3))
    assert len({same[0], *others}) == 5
