"""The straightforward script: search, fits and evaluation with Trainer and Optuna, one after the other.

What a careful user would write by hand for benchmarks/grid.yaml: per data set and method an Optuna study with the
median pruner over the same rates, then a fit a seed at the best rate, then test scores. It reads the rows that the
product has prepared, so that both answer the same question. Written to be plain, not slow: dynamic padding, the
tokenizer run once, all cores.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import Encoded, collator, plain_model
from benchmarks.rows import Rows, model_folder
from tuneproof import files, params, tasks, tunings
from tuneproof.tokenize import load_tokenizer
from tuneproof.train.batches import Tokens


def main() -> None:
    declared = params.load(sys.argv[1])
    outcome: dict[str, Any] = {}
    start = time.perf_counter()
    for name, dataset in declared.datasets.items():
        prepared = Path(declared.results) / "prepare" / name
        splits = {split: _rows(prepared, split, dataset.task) for split in ("train", "validation", "test")}
        for method in dataset.methods or declared.methods:
            outcome[f"{name}/{method}"] = _method(method, splits, declared, dataset.training)
    print(json.dumps({"seconds": time.perf_counter() - start, "cells": outcome}))


def _rows(prepared: Path, split: str, task_name: str) -> Rows:
    task, labels = tasks.get(task_name), files.read_json(prepared / "card.json")["labels"]
    frame = files.read_frame(prepared / f"{split}.parquet")
    encoded = task.encode(load_tokenizer(model_folder()), frame, labels, max_length=128)
    return Rows(task_name, labels, frame, Tokens(list(frame["id"]), encoded))


def _method(method: str, splits: dict[str, Rows], declared: params.Params, overrides: dict[str, Any]) -> dict[str, Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    low, high, first = tunings.get(method).learning_rates
    batch_size = overrides.get("batch_size", declared.training.batch_size)

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("rate", low, high, log=True)
        warmup = trial.suggest_float("warmup", *declared.search.warmup_ratio)

        def pruned(epoch: float, loss: float) -> bool:
            trial.report(-loss, round(epoch))
            return epoch < declared.training.epochs and trial.should_prune()

        score, stopped, _ = _fit(method, splits, declared.training.epochs, batch_size, rate, warmup, 0, pruned)
        if stopped:
            raise optuna.TrialPruned
        return score

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    study.enqueue_trial({"rate": first, "warmup": sum(declared.search.warmup_ratio) / 2})
    study.optimize(objective, n_trials=declared.search.trials)
    fits = [
        _fit(
            method,
            {**splits, "validation": splits["test"]},
            declared.training.epochs,
            batch_size,
            study.best_params["rate"],
            study.best_params["warmup"],
            seed,
        )
        for seed in declared.seeds
    ]
    low, high = _interval([frame for _, _, frame in fits], splits["test"], declared)
    return {"test": [score for score, _, _ in fits], "low": low, "high": high}


def _interval(predicted: list[Any], rows: Rows, declared: params.Params) -> tuple[float, float]:
    """95 % interval of the mean over seeds, by the product's own statistics, so that both intervals mean the same."""
    from tuneproof import statistics
    from tuneproof.evaluate import scores

    task = tasks.get(rows.task)
    score = scores.of(task, scores.Labels(rows.labels, None))[task.primary]
    counts = statistics.resamples(len(rows.frame), declared.evaluation.bootstrap, seed=declared.evaluation.seed)
    runs = [score.statistics(rows.frame, frame) for frame in predicted]
    found = statistics.interval(statistics.measure(score, runs, counts, seeds=declared.seeds))
    return found.low, found.high


def _fit(
    method: str,
    splits: dict[str, Rows],
    epochs: int,
    batch_size: int,
    rate: float,
    warmup: float,
    seed: int,
    pruned: Any = None,
) -> tuple[float, bool, Any]:
    """One fit; the score on the split named validation, whether it was stopped early, and the predictions."""
    import transformers
    from transformers import Trainer, TrainerCallback, TrainingArguments

    transformers.logging.set_verbosity_error()
    stopped = []

    class Prune(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if pruned is not None and pruned(state.epoch, kwargs["metrics"]["eval_loss"]):
                control.should_training_stop = True
                stopped.append(True)

    transformers.set_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=batch_size,
            per_device_eval_batch_size=32,
            num_train_epochs=epochs,
            learning_rate=rate,
            warmup_steps=warmup,
            weight_decay=0.01,
            eval_strategy="epoch" if pruned is not None else "no",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            seed=seed,
        )
        rows = splits["validation"]
        train: Any = Encoded(splits["train"])
        held_out: Any = Encoded(rows)
        trainer = Trainer(
            model=plain_model(method, splits["train"]),
            args=arguments,
            train_dataset=train,
            eval_dataset=held_out,
            data_collator=collator(rows.task),
            callbacks=[Prune()],
        )
        trainer.train()
        logits = trainer.predict(held_out).predictions
    import pandas as pd

    task = tasks.get(rows.task)
    cut = [
        values[: len(ids)] if rows.task == "ner" else values
        for values, ids in zip(logits, rows.tokens.columns["input_ids"], strict=True)
    ]
    frame = pd.DataFrame({"id": rows.tokens.ids, **task.decode(cut, rows.tokens.columns, rows.labels)})
    return task.evaluate(rows.frame, frame)[task.primary], bool(stopped), frame


if __name__ == "__main__":
    main()
