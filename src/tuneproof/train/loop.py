"""One fit: a plain training loop, the same for every tuning, task and device.

Reads nothing and writes nothing; the stages `search` and `train` call it. Everything random comes from the fit's
seed, so that equal arguments give equal weights, bit for bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tuneproof import adversarial, tasks, tunings
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.seeds import derive
from tuneproof.tasks.ner import IGNORED
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import batches
from tuneproof.train import device as devices
from tuneproof.train.features import Features, fits_in_memory, replace_body
from tuneproof.train.model import learned, load_base
from tuneproof.train.predict import BATCH_SIZE, predict
from tuneproof.train.schedule import factor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from transformers import PreTrainedModel

    from tuneproof.adversarial.base import Adversarial
    from tuneproof.cell import Cell
    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens
    from tuneproof.tunings.base import Tuning


class DivergedError(TuneproofError):
    """The loss is no longer a finite number; a lower learning rate would help."""


@dataclass(frozen=True)
class Data:
    """What a fit sees: tokens of two splits, and the validation split's prepared rows to score against."""

    train: Tokens
    validation: Tokens
    gold: pd.DataFrame
    labels: list[str]
    features: dict[str, Features] = field(default_factory=dict)
    """Outputs of a frozen body by split; filled by the first fit that can use them."""


@dataclass
class Fit:
    """The outcome of one fit."""

    model: PreTrainedModel
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    """Epoch whose weights the model holds, from 1."""
    steps: int = 0
    examples: int = 0
    seconds: float = 0.0
    """Training time without validation."""
    trainable: int = 0
    total: int = 0

    def scores(self) -> dict[str, float]:
        """Validation scores of the epoch whose weights the model holds."""
        row = self.history[self.best_epoch - 1]
        return {name.removeprefix("validation_"): row[name] for name in row if name.startswith("validation_")}


def fit(
    cell: Cell,
    data: Data,
    *,
    model_folder: Path,
    learning_rate: float,
    warmup_ratio: float,
    seed: int,
    after_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, scores: None,
    progress: Callable[[dict[str, Any]], None] = lambda state: None,
) -> Fit:
    """Fine-tune a fresh model. `after_epoch(epoch, validation scores)` may raise to stop the fit.

    Raises `MethodError` where the tuning does not fit the model, `DivergedError` where the loss is not finite.
    """
    task, settings = tasks.get(cell.task), cell.training
    device = devices.pick_device(settings.device)
    precision = devices.pick_precision(settings.precision, device)
    tuning = tunings.get(cell.tuning["name"])(**{k: v for k, v in cell.tuning.items() if k != "name"})
    opponent = None
    if cell.adversarial is not None:
        options = {key: value for key, value in cell.adversarial.items() if key != "name"}
        opponent = adversarial.get(cell.adversarial["name"])(**options)

    batches_an_epoch = math.ceil(len(data.train) / settings.batch_size)
    steps_an_epoch = math.ceil(batches_an_epoch / settings.accumulation)
    total_steps = steps_an_epoch * settings.epochs

    model = load_base(model_folder, task, data.labels, seed=derive(seed, "head"), dropout=settings.dropout)
    reason = tuning.skip(task, model)
    if reason is not None:
        raise MethodError(f"{cell.method}: {reason}")
    model = tuning.attach(model, task, total_steps=total_steps)
    model.to(device)  # type: ignore[arg-type]  # transformers wraps torch's own method
    parameters = learned(model)
    result = Fit(
        model,
        trainable=sum(parameter.numel() for parameter in parameters.values()),
        total=sum(parameter.numel() for parameter in model.parameters()),
    )
    decaying = {name for name, parameter in parameters.items() if tuning.decays(name, parameter)}
    optimizer = make_optimizer(parameters, decaying, settings.optimizer, learning_rate, settings.weight_decay)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    body = model.base_model
    stored = _features(model, data) if tuning.frozen_body and opponent is None else {}

    special_ids = load_tokenizer(model_folder).all_special_ids if opponent is not None else []

    torch.manual_seed(derive(seed, "dropout"))
    pad_id = model.config.pad_token_id or 0
    best: dict[str, torch.Tensor] = {}
    best_score, waited = -math.inf, 0
    chunk = settings.batch_size  # rows a forward pass; halved when memory runs out
    for epoch in range(1, settings.epochs + 1):
        model.train()
        if tuning.frozen_body:
            model.base_model.eval()
        start, loss_sum, rows_seen = time.perf_counter(), 0.0, 0
        order = batches.shuffled(data.train.lengths, settings.batch_size, derive(seed, "order", epoch))
        for number, rows in enumerate(order, start=1):
            in_group = min(
                settings.accumulation, len(order) - (number - 1) // settings.accumulation * settings.accumulation
            )
            while True:
                try:
                    loss = _backward(
                        model,
                        task,
                        tuning,
                        data.train,
                        rows,
                        chunk=chunk,
                        share=1 / in_group,
                        pad_id=pad_id,
                        device=device,
                        precision=precision,
                        scaler=scaler,
                        opponent=opponent,
                        special_ids=special_ids,
                        features=stored.get("train"),
                    )
                    break
                except Exception as error:
                    if not devices.is_out_of_memory(error) or chunk == 1 or in_group > 1:
                        raise
                    chunk = max(1, min(chunk, len(rows)) // 2)
                    optimizer.zero_grad(set_to_none=True)
                    progress({"note": f"out of memory: {chunk} rows a forward pass from here on, same batch size"})
            if not math.isfinite(loss):
                raise DivergedError(
                    f"{cell.method}: the loss is {loss} at step {result.steps + 1} with learning rate "
                    f"{learning_rate:.3g}; search a lower range (methods.{cell.method}.learning_rate)"
                )
            loss_sum, rows_seen = loss_sum + loss * len(rows), rows_seen + len(rows)
            if number % settings.accumulation == 0 or number == len(order):
                rate = learning_rate * factor(
                    result.steps, total_steps=total_steps, warmup_ratio=warmup_ratio, kind=settings.schedule
                )
                for group in optimizer.param_groups:
                    group["lr"] = rate
                if settings.max_grad_norm > 0:
                    scaler.unscale_(optimizer)
                    torch.nn.utils.clip_grad_norm_(parameters.values(), settings.max_grad_norm)
                scaler.step(optimizer)
                scaler.update()
                result.steps += 1
                tuning.after_step(model, result.steps)
                optimizer.zero_grad(set_to_none=True)
                progress(
                    {
                        "epoch": epoch,
                        "epochs": settings.epochs,
                        "step": result.steps,
                        "steps": total_steps,
                        "loss": loss,
                        "rate": rate,
                    }
                )
        result.seconds += time.perf_counter() - start
        result.examples += rows_seen

        with devices.autocast(precision, device):
            predicted = predict(model, task, data.validation, data.labels, features=stored.get("validation"))
        scores = task.evaluate(data.gold, predicted)
        result.history.append(
            {
                "epoch": epoch,
                "step": result.steps,
                "learning_rate": rate,
                "train_loss": loss_sum / rows_seen,
                **{f"validation_{name}": value for name, value in scores.items()},
            }
        )
        after_epoch(epoch, scores)
        result.best_epoch = epoch if settings.early_stopping is None else result.best_epoch
        if settings.early_stopping is not None:
            if scores[task.primary] > best_score + settings.early_stopping.min_delta:
                best_score, waited, result.best_epoch = scores[task.primary], 0, epoch
                best = {name: parameter.detach().clone() for name, parameter in parameters.items()}
            else:
                waited += 1
                if waited >= settings.early_stopping.patience:
                    break
    if best:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(best[name])
    if stored:
        replace_body(model, body)
    model.eval()
    return result


def make_optimizer(
    parameters: dict[str, torch.nn.Parameter], decaying: set[str], kind: str, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) or SGD with momentum 0.9; only parameters named in `decaying` decay."""
    groups = [
        {"params": [p for name, p in parameters.items() if name in decaying], "weight_decay": weight_decay},
        {"params": [p for name, p in parameters.items() if name not in decaying], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


def _backward(
    model: PreTrainedModel,
    task: Task,
    tuning: Tuning,
    tokens: Tokens,
    rows: np.ndarray,
    *,
    chunk: int,
    share: float,
    pad_id: int,
    device: torch.device,
    precision: str,
    scaler: torch.amp.GradScaler,
    opponent: Adversarial | None,
    special_ids: list[int],
    features: Features | None,
) -> float:
    """Add the gradients of one batch, `chunk` rows at a time; returns the batch's mean loss."""
    total, loss_sum = _counted(tokens, rows), 0.0
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        inputs = tokens.collate(part, pad_id, device)
        labels = inputs.pop("labels")
        weight = _counted(tokens, part) / total  # the mean of a batch is the weighted mean of its chunks
        if features is not None:
            replace_body(model, features.select(part))

        def loss_of(some: dict[str, torch.Tensor], labels: torch.Tensor = labels) -> torch.Tensor:
            with devices.autocast(precision, device):
                return task.loss(model(**some).logits, labels)

        scale = weight * share * float(scaler.get_scale() if scaler.is_enabled() else 1.0)
        if opponent is None:
            loss = loss_of(inputs)
            (loss * scale).backward()
        else:
            special = torch.isin(inputs["input_ids"], torch.tensor(special_ids, device=device))
            loss = opponent.backward(model, {**inputs, "special_tokens_mask": special.long()}, loss_of, scale)
        if (penalty := tuning.penalty(model)) is not None:
            (penalty * scale).backward()
        loss_sum += float(loss.detach()) * weight
    return loss_sum


def _counted(tokens: Tokens, rows: np.ndarray) -> int:
    """How many labels the loss of these rows averages over."""
    labels = tokens.columns["labels"]
    if isinstance(labels[0], int | float):
        return len(rows)
    return max(1, sum(int((labels[row] != IGNORED).sum()) for row in rows))


def _features(model: PreTrainedModel, data: Data) -> dict[str, Features]:
    """The frozen body's outputs for both splits, computed once for all fits on the same data."""
    if not data.features and fits_in_memory(model, data.train, data.validation):
        for name, split in (("train", data.train), ("validation", data.validation)):
            data.features[name] = Features(model, split, batch_size=BATCH_SIZE)
    return data.features
