"""One fit: a plain training loop, the same for every tuning, task and device.

The stages `search` and `train` call it. Everything random comes from the fit's seed, so that equal arguments give
equal weights, bit for bit on a CPU. It reads and writes nothing but the state that a killed fit goes on from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from tuneproof import adversarial, registry, regularisers, tasks, tunings
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.seeds import derive
from tuneproof.tokenize import load_tokenizer
from tuneproof.train import batches, first_token, optimizer, resume
from tuneproof.train import device as devices
from tuneproof.train.features import Features, fits_in_memory, replace_body
from tuneproof.train.model import learned, load_base
from tuneproof.train.predict import predict
from tuneproof.train.schedule import factor
from tuneproof.train.step import Step
from tuneproof.train.vocabulary import Vocabulary
from tuneproof.tunings.base import Material

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from transformers import PreTrainedModel

    from tuneproof.cell import Cell
    from tuneproof.train.batches import Tokens
    from tuneproof.train.resume import Resume


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
        line = self.history[self.best_epoch - 1]
        names = [name for name in line if name.startswith("validation_") and name != "validation_loss"]
        return {name.removeprefix("validation_"): line[name] for name in names}


def fit(
    cell: Cell,
    data: Data,
    *,
    model_folder: Path,
    learning_rate: float,
    warmup_ratio: float,
    seed: int,
    after_epoch: Callable[[dict[str, float]], None] = lambda line: None,
    progress: Callable[[dict[str, Any]], None] = lambda state: None,
    keep: Resume | None = None,
) -> Fit:
    """Fine-tune a fresh model. `after_epoch(line of the history)` may raise to stop the fit.

    Where `keep` holds the state of a killed fit, this one goes on from there; `after_epoch` hears of its epochs again.
    Raises `MethodError` where the method does not fit the model, `DivergedError` where the loss is not finite.
    """
    fitting = _Fitting(cell, data, model_folder, learning_rate, warmup_ratio, seed, progress, keep)
    if keep is not None and (state := keep.load()) is not None:
        fitting.restore(state)
        for line in fitting.result.history:
            after_epoch(line)
    for epoch in range(fitting.epoch, cell.training.epochs + 1):
        fitting.train(epoch)
        scores = fitting.validate(epoch)
        after_epoch(fitting.result.history[-1])
        if fitting.keep_or_stop(epoch, scores):
            break
    return fitting.finish()


class _Fitting:
    """The state of one fit, and what is done with it."""

    NUMBERS = ("epoch", "batch", "losses", "rate", "decay", "chunk", "best_score", "best_decay", "waited")
    OUTCOME = ("history", "best_epoch", "steps", "examples", "seconds")
    """Attributes of a fit and of its result that change while it runs, tensors apart."""

    def __init__(
        self,
        cell: Cell,
        data: Data,
        model_folder: Path,
        learning_rate: float,
        warmup_ratio: float,
        seed: int,
        progress: Callable[[dict[str, Any]], None],
        keep: Resume | None,
    ) -> None:
        self.cell, self.settings, self.data, self.seed = cell, cell.training, data, seed
        self.progress, self.keep = progress, keep
        self.learning_rate, self.warmup_ratio = learning_rate, warmup_ratio
        self.task = tasks.get(cell.task)
        self.tuning = registry.build(tunings.TUNINGS, cell.tuning)
        self.opponent = None if cell.adversarial is None else registry.build(adversarial.ADVERSARIAL, cell.adversarial)
        self.regularisers = [registry.build(regularisers.ALL, chosen) for chosen in cell.regularisers]
        self.device = devices.pick_device(self.settings.device)
        self.precision = devices.pick_precision(self.settings.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        batches_an_epoch = math.ceil(len(data.train) / self.settings.batch_size)
        self.total_steps = math.ceil(batches_an_epoch / self.settings.accumulation) * self.settings.epochs
        self.chunk = self.settings.batch_size
        """Rows a forward pass; halved when memory runs out."""
        self.epoch, self.batch, self.losses, self.rate = 1, 0, 0.0, 0.0
        """Where the fit stands: batches of this epoch that are done, the sum of their rows' losses, the last rate."""

        self.model = self._tuned_model(model_folder)
        self.result = Fit(
            self.model,
            trainable=sum(parameter.numel() for parameter in learned(self.model).values()),
            total=sum(parameter.numel() for parameter in self.model.parameters()),
        )
        self.body = self.model.base_model
        plain = self.opponent is None and not self.regularisers
        self.features = self._stored_features() if self.tuning.frozen_body and plain else {}
        self.special_ids = torch.tensor([] if plain else load_tokenizer(model_folder).all_special_ids, dtype=torch.long)
        self._use_small_vocabulary()
        features = self.features.get("train")
        self.material = Material(self.train_tokens, data.labels, model_folder, self.precision, features)
        first_token.show_all(self.model, wanted=True)  # what starts from data looks into every layer
        self.tuning.begin(self.model, self.task, self.material)
        for part in self.regularisers:
            part.begin(self.model, self.total_steps)
        first_token.show_all(self.model, wanted=self._looks_at_hidden_states())
        self.special_ids = self.special_ids.to(self.device)
        self.parameters = learned(self.model)
        settled = self.tuning.settled(self.model)
        self.result.trainable += sum(tensor.numel() for tensor in settled.values())
        self.result.total += sum(tensor.numel() for tensor in settled.values())
        self.kept = {**self.parameters, **settled}
        """All that a fit changes, by name: what learns by steps, and what `settle` puts in place."""
        decaying = {name for name, parameter in self.parameters.items() if self.tuning.decays(name, parameter)}
        self.optimizer = optimizer.make(
            self.parameters,
            decaying,
            self.tuning.rates(self.model),
            self.settings.optimizer,
            learning_rate,
            self.settings.weight_decay,
        )
        self.best: dict[str, torch.Tensor] = {}
        self.best_score, self.best_decay, self.waited = -math.inf, 1.0, 0
        torch.manual_seed(derive(seed, "dropout"))

    def _tuned_model(self, folder: Path) -> PreTrainedModel:
        """The model with the tuning attached, on its device. Raises `MethodError` where a part cannot run."""
        model = load_base(
            folder, self.task, self.data.labels, seed=derive(self.seed, "head"), dropout=self.settings.dropout
        )
        if (reason := self.tuning.skip(self.task, model)) is not None:
            raise MethodError(reason)
        for part in self.regularisers:
            part.pretrained(model)
        tuned = self.tuning.attach(model, self.task, total_steps=self.total_steps)
        for part in self.regularisers:
            if (reason := part.skip(self.task, tuned) or part.lacks(self.data.train)) is not None:
                raise MethodError(reason)
        first_token.install(tuned)
        first_token.show_all(tuned, wanted=self._looks_at_hidden_states())
        torch.backends.cuda.matmul.allow_tf32 = self.settings.tf32
        if self.settings.gradient_checkpointing:
            tuned.gradient_checkpointing_enable({"use_reentrant": False})
        torch.nn.Module.to(tuned, self.device)
        return tuned

    def _looks_at_hidden_states(self) -> bool:
        return any(part.hidden_states for part in (self.tuning, *self.regularisers))

    def train(self, epoch: int) -> None:
        """One pass over the training rows; a tuning without gradients only settles."""
        self.epoch = epoch
        if self.tuning.by_gradient:
            self._pass(epoch)
        line = {"epoch": epoch, "step": self.result.steps, "learning_rate": self.rate}
        self.result.history.append(line)
        start = time.perf_counter()
        if self.tuning.by_gradient:
            line["train_loss"] = self.losses / len(self.train_tokens)
        with self._judged():
            self.tuning.settle(self.model, self.task, self.material, self.learning_rate)
        self.result.seconds += time.perf_counter() - start
        self.result.examples += len(self.train_tokens)
        self.batch, self.losses = 0, 0.0

    def _pass(self, epoch: int) -> None:
        """All optimizer steps of one epoch."""
        self.model.train()
        if self.tuning.frozen_body:
            self.model.base_model.eval()
        order = batches.shuffled(self.train_tokens.lengths, self.settings.batch_size, derive(self.seed, "order", epoch))
        while self.batch < len(order):
            start = time.perf_counter()
            group = order[self.batch : self.batch + self.settings.accumulation]
            self.tuning.before_step(self.model, self.result.steps + 1, self.total_steps)
            self.losses += self._gradients(group) * sum(len(rows) for rows in group)
            self.rate = self._step()
            self.batch += len(group)
            self.result.seconds += time.perf_counter() - start
            self.progress(
                {
                    "epoch": epoch,
                    "epochs": self.settings.epochs,
                    "step": self.result.steps,
                    "steps": self.total_steps,
                    "loss": self.losses / sum(len(rows) for rows in order[: self.batch]),
                    "rate": self.rate,
                }
            )
            if self.keep is not None:
                self.keep.save(self.state)

    def validate(self, epoch: int) -> dict[str, float]:
        """Score the validation rows and add the scores to the epoch's line of the history."""
        with self._judged():
            predicted = predict(
                self.model,
                self.task,
                self.validation_tokens,
                self.data.labels,
                precision=self.precision,
                features=self.features.get("validation"),
            )
        scores = self.task.evaluate(self.data.gold, predicted.frame)
        line = self.result.history[epoch - 1]
        line["validation_loss"] = float(predicted.loss or 0.0)
        line.update({f"validation_{name}": value for name, value in scores.items()})
        return scores

    def keep_or_stop(self, epoch: int, scores: dict[str, float]) -> bool:
        """Without early stopping the last epoch counts; with it the best, and True means that it is time to stop."""
        stopping = self.settings.early_stopping
        if stopping is None:
            self.result.best_epoch = epoch
            return False
        if scores[self.task.primary] > self.best_score + stopping.min_delta:
            self.best_score, self.best_decay, self.waited = scores[self.task.primary], self.decay, 0
            self.result.best_epoch = epoch
            with self._judged():
                self.best = {name: tensor.detach().clone() for name, tensor in self.kept.items()}
        else:
            self.waited += 1
        return self.waited >= stopping.patience

    def state(self) -> resume.State:
        """All that has changed since the fit began."""
        return resume.State(
            {
                "parameters": {name: tensor.detach() for name, tensor in self.kept.items()},
                "best": self.best,
                "optimizer": resume.optimizer_state(self.optimizer),
                "tuning": self.tuning.state(self.model),
                **{f"regulariser {i}": part.state() for i, part in enumerate(self.regularisers)},
                "random": resume.random_state(self.device),
            },
            {
                "numbers": {name: getattr(self, name) for name in self.NUMBERS},
                "outcome": {name: getattr(self.result, name) for name in self.OUTCOME},
                "scaler": self.scaler.state_dict(),
            },
        )

    def restore(self, state: resume.State) -> None:
        """Stand where the fit stood that gave this state."""
        self._put(state.tensors["parameters"])
        self.best = {name: tensor.to(self.device) for name, tensor in state.tensors["best"].items()}
        resume.restore_optimizer(self.optimizer, state.tensors["optimizer"])
        self.tuning.restore(self.model, state.tensors["tuning"])
        for i, part in enumerate(self.regularisers):
            part.restore(self.model, state.tensors[f"regulariser {i}"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state.values["scaler"])
        for name in self.NUMBERS:
            setattr(self, name, state.values["numbers"][name])
        for name in self.OUTCOME:
            setattr(self.result, name, state.values["outcome"][name])
        resume.restore_random(self.device, state.tensors["random"])
        self.progress({"note": f"goes on from step {self.result.steps} of {self.total_steps}"})

    def finish(self) -> Fit:
        """Put the best weights (or the averaged ones) and the whole model back in place."""
        if self.best:
            self.decay = self.best_decay
        self._put(self.best or self._averaged())
        if self.features:
            replace_body(self.model, self.body)
        if self.vocabulary is not None:
            self.vocabulary.restore(self.model, decay=self.decay)
        first_token.show_all(self.model, wanted=False)
        self.model.eval()
        return self.result

    def _averaged(self) -> dict[str, torch.Tensor]:
        return {name: tensor for part in self.regularisers for name, tensor in part.averaged().items()}

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, value in values.items():
                self.kept[name].copy_(value)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Inside, the model holds the weights that count: averaged ones where a regulariser averages."""
        averaged = self._averaged()
        current = {name: self.kept[name].detach().clone() for name in averaged}
        self._put(averaged)
        yield
        self._put(current)

    def _gradients(self, group: list[np.ndarray]) -> float:
        """Add up the gradients of the batches of one step; returns their mean loss."""
        while True:
            try:
                losses = [self._backward(rows, share=1 / len(group)) for rows in group]
                break
            except Exception as error:
                if not devices.is_out_of_memory(error) or self.chunk == 1:
                    raise
                self.chunk //= 2
                self.optimizer.zero_grad(set_to_none=True)
                note = f"out of memory: {self.chunk} rows a forward pass from here on, same batch size"
                self.progress({"note": note})
        loss = sum(losses) / len(losses)
        if not math.isfinite(loss):
            raise DivergedError(
                f"{self.cell.dataset}/{self.cell.model}/{self.cell.method}: the loss is {loss} at step "
                f"{self.result.steps + 1} with learning rate {self.learning_rate:.3g}; search a lower range "
                f"(methods.{self.cell.method}.learning_rate)"
            )
        return loss

    def _backward(self, rows: np.ndarray, *, share: float) -> float:
        """Add the gradients of one batch, `chunk` rows at a time; returns the batch's mean loss."""
        total, loss_sum = self.train_tokens.counted(rows), 0.0
        pad_id = self.model.config.pad_token_id or 0
        for start in range(0, len(rows), self.chunk):
            part = rows[start : start + self.chunk]
            inputs = self.train_tokens.collate(part, pad_id, self.device)
            labels = inputs.pop("labels")
            weight = self.train_tokens.counted(part) / total  # a batch's mean is the weighted mean of its chunks
            if self.features:
                replace_body(self.model, self.features["train"].select(part))

            step = Step(
                self.model,
                self.task,
                self.tuning,
                self.regularisers,
                inputs,
                labels,
                special_tokens=torch.isin(inputs["input_ids"], self.special_ids),
                number=self.result.steps,
                autocast=lambda: devices.autocast(self.precision, self.device),
                targets=self.train_tokens.targets(part, self.device),
            )
            scale = weight * share * float(self.scaler.get_scale() if self.scaler.is_enabled() else 1.0)
            with ExitStack() as around:
                for regulariser in self.regularisers:
                    around.enter_context(regulariser.during(step))
                if self.opponent is None:
                    loss = step.loss()
                    (loss * scale).backward()
                else:
                    loss = self.opponent.backward(step, scale)
                if (penalty := self.tuning.penalty(self.model)) is not None:
                    (penalty * scale).backward()
            loss_sum += float(loss.detach()) * weight
        return loss_sum

    def _step(self) -> float:
        """One optimizer step on the gradients at hand; returns its learning rate."""
        rate = self.learning_rate * factor(
            self.result.steps,
            total_steps=self.total_steps,
            warmup_ratio=self.warmup_ratio,
            kind=self.settings.schedule,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        if self.settings.max_grad_norm > 0 or self.regularisers:
            self.scaler.unscale_(self.optimizer)
        for part in self.regularisers:
            part.before_step(self.model)
        if self.settings.max_grad_norm > 0:
            optimizer.clip(self.parameters.values(), self.settings.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.vocabulary is not None:
            self.decay *= self._word_decay()
        self.result.steps += 1
        self.tuning.after_step(self.model, self.result.steps)
        for part in self.regularisers:
            part.after_step(self.model, self.result.steps)
        self.optimizer.zero_grad(set_to_none=True)
        return rate

    def _word_decay(self) -> float:
        """What the step multiplied the word embeddings by that got no gradient from the data."""
        words = cast(Any, self.model.get_input_embeddings()).weight
        group = next(group for group in self.optimizer.param_groups if any(words is one for one in group["params"]))
        return 1.0 if words.grad is None else 1 - group["lr"] * group["weight_decay"]

    def _stored_features(self) -> dict[str, Features]:
        """The frozen body's outputs for both splits, computed once for all fits on the same data."""
        if not self.data.features and fits_in_memory(self.model, self.data.train, self.data.validation):
            start = time.perf_counter()
            self.data.features["train"] = Features(self.model, self.data.train, precision=self.precision)
            self.result.seconds += time.perf_counter() - start
            self.data.features["validation"] = Features(self.model, self.data.validation, precision=self.precision)
        return self.data.features

    def _use_small_vocabulary(self) -> None:
        """Where word embeddings learn, train those that the data mentions; the others only decay, see `finish`."""
        self.train_tokens, self.validation_tokens = self.data.train, self.data.validation
        self.decay = 1.0
        vocabulary = Vocabulary(self.model, self.train_tokens, self.validation_tokens)
        # stochastic gradient descent adds the decay to the gradient, so that it takes part in momentum and clipping
        whole = self.settings.optimizer != "adamw" or any(
            part.whole_vocabulary for part in (self.tuning, *self.regularisers)
        )
        self.vocabulary = vocabulary if not whole and vocabulary.worthwhile() else None
        if self.vocabulary is not None:
            self.vocabulary.shrink(self.model)
            self.train_tokens = self.vocabulary.encode(self.train_tokens)
            self.validation_tokens = self.vocabulary.encode(self.validation_tokens)
            mentioned = self.vocabulary.encode_ids(self.special_ids.tolist())
            self.special_ids = torch.tensor(mentioned, dtype=torch.long)
