"""Our loop against `transformers.Trainer` and `peft` as they come: the same losses, step by step, and the same weights.

Both start from the same weights and see the same rows in the same order. Padding, the loss, gradients, clipping, AdamW,
which parameters decay, and the schedule are each side's own. Sums are taken in another order (attention, loss), so
that numbers agree to rounding.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

from tuneproof import tasks, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.seeds import derive
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import batches
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data, fit
from tuneproof.train.model import load_base

ROWS, BATCH, EPOCHS, SEED = 32, 8, 2, 3
STEPS = ROWS // BATCH * EPOCHS
WARM_UP = 2
RATES = {"full": 1e-4, "lora": 3e-3}
LOSSES = 1e-5
"""Largest relative difference of a step's losses; seen: up to 1.3e-7, a float's last bit."""
WEIGHTS = 0.05
"""Largest difference of a weight, in learning rates, of which AdamW's eight steps are up to one each; seen: 0.01."""

WORDS = ["a", "the", "film", "plot", "cast", "was", "never", "dull", "slow", "great", "funny", "moving", "and", "or"]
LABELS = {"classification": ["no", "yes"], "ner": ["O", "B-x", "I-x"]}


def frame_of(task: str) -> pd.DataFrame:
    """Texts of 3 to 18 words; the answer is in the words."""
    generator = np.random.default_rng(0)
    texts = [[*generator.choice(WORDS, size)] for size in generator.integers(3, 19, ROWS)]
    frame = pd.DataFrame({"id": [f"r{row}" for row in range(ROWS)]})
    if task == "ner":
        frame["tokens"] = texts
        frame["tags"] = [["B-x" if word in ("film", "plot", "cast") else "O" for word in words] for words in texts]
    else:
        frame["text"] = [" ".join(words) for words in texts]
        frame["label"] = ["yes" if {"great", "funny", "moving"} & set(words) else "no" for words in texts]
    return frame


def tokens_of(task: str, frame: pd.DataFrame, folder: Path) -> Tokens:
    columns = tasks.get(task).encode(load_tokenizer(folder), frame, LABELS[task], max_length=64)
    arrays = ("input_ids", "token_type_ids", *(["labels"] if task == "ner" else []))
    return Tokens(list(frame["id"]), {**columns, **{name: [np.array(row) for row in columns[name]] for name in arrays}})


def ours(task: str, tuning: str, folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Each step's loss and the weights at the end."""
    frame = frame_of(task)
    tokens = tokens_of(task, frame, folder)
    rate, sums = RATES[tuning], [0.0]
    settings = {"epochs": EPOCHS, "batch_size": BATCH, "dropout": 0.0, "precision": "fp32", "device": "cpu"}
    cell = Cell(
        dataset="d",
        model="m",
        method=tuning,
        task=task,
        tuning={"name": tuning},
        augmentation="none",
        adversarial=None,
        training=Training(**settings, weight_decay=0.1, max_grad_norm=1.0, schedule="linear"),
        learning_rates=(rate, rate, rate),
        search=Search(),
    )
    losses: list[float] = []

    def listen(state: dict[str, Any]) -> None:
        """The loss that is told is the mean of the epoch's steps so far."""
        done = (state["step"] - 1) % (STEPS // EPOCHS) + 1
        sums.append(state["loss"] * done)
        losses.append(sums[-1] - (sums[-2] if done > 1 else 0.0))

    result = fit(
        cell,
        Data(tokens, tokens, frame, LABELS[task]),
        model_folder=folder,
        learning_rate=rate,
        warmup_ratio=WARM_UP / STEPS,
        seed=SEED,
        progress=listen,
    )
    return losses, dict(result.model.named_parameters())


class InOrder(transformers.Trainer):
    """The Trainer without shuffling, which notes its losses, and whose rate starts above zero."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.losses: list[float] = []

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Its own linear schedule without the first step, at which the rate is zero and nothing learns."""
        self.lr_scheduler = transformers.get_scheduler("linear", self.optimizer, WARM_UP + 1, num_training_steps + 1)
        self.optimizer.step()  # without gradients: torch wants it before the schedule's first step
        self.lr_scheduler.step()
        return self.lr_scheduler

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        found = super().compute_loss(*args, **kwargs)
        self.losses.append((found[0] if isinstance(found, tuple) else found).item())
        return found


def theirs(task: str, tuning: str, folder: Path, scratch: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The same by the public libraries, from our first weights."""
    kind, labels = tasks.get(task), LABELS[task]
    base = load_base(folder, kind, labels, seed=derive(SEED, "head"), dropout=0.0)
    start = tunings.get(tuning)().attach(base, kind, total_steps=STEPS).state_dict()
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = getattr(transformers, kind.auto_class).from_pretrained(folder, num_labels=len(labels), **off)
    if tuning == "lora":
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(task_type=kind.peft_type, r=8, lora_alpha=16, target_modules=["query", "value"])
        model = get_peft_model(model, config)
    model.load_state_dict(start)

    tokens = tokens_of(task, frame_of(task), folder)
    order = [
        row
        for epoch in range(1, EPOCHS + 1)
        for rows in batches.shuffled(tokens.lengths, BATCH, derive(SEED, "order", epoch))
        for row in rows
    ]
    names = ("input_ids", "token_type_ids", "labels")
    rows = [{name: np.array(tokens.columns[name][row]).tolist() for name in names} for row in order]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    padding = "DataCollatorForTokenClassification" if task == "ner" else "DataCollatorWithPadding"
    trainer = InOrder(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(scratch),
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,  # the rows of all epochs, one after the other
            learning_rate=RATES[tuning],
            weight_decay=0.1,
            max_grad_norm=1.0,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        data_collator=getattr(transformers, padding)(tokenizer),
    )
    trainer.train()
    return trainer.losses, dict(model.named_parameters())


@pytest.fixture
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("tuning", RATES)
def test_losses_and_weights_are_the_trainer_s(tuning: str, task: str, minilm: Path, tmp_path: Path) -> None:
    our_losses, our_weights = ours(task, tuning, minilm)
    their_losses, their_weights = theirs(task, tuning, minilm, tmp_path)
    assert len(our_losses) == len(their_losses) == STEPS
    assert our_losses == pytest.approx(their_losses, rel=LOSSES)
    assert our_losses[-1] < our_losses[0]

    assert our_weights.keys() == their_weights.keys()
    compared = 0
    for name, weight in our_weights.items():
        if re.search(r"\bkey\.bias$", name):
            continue  # its gradient is zero but for rounding, which AdamW makes steps of; no output depends on it
        assert weight.requires_grad == their_weights[name].requires_grad, name
        difference = (weight - their_weights[name]).abs().max().item()
        assert difference <= (WEIGHTS * RATES[tuning] if weight.requires_grad else 0.0), name
        compared += 1
    assert compared > 90
