"""One process, one thread, one engine: reads requests as JSON lines, trains or predicts, answers with JSON lines.

Engines: `tuneproof`; `trainer` (transformers.Trainer as it comes); `trainer-best` (length grouping, fused AdamW and,
where asked for, bf16); for prediction also `pipeline` and `sentence-transformers`. All start from the same weights,
and see the same rows in batches of the same size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import probe
from benchmarks import rows as texts
from benchmarks.peers import Encoded, collator, plain_model

VALIDATION = 4
"""Rows of the validation split where only the training step is timed."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    import torch

    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print as they like; answers are ours alone
    for line in sys.stdin:
        request = json.loads(line)
        answer = ENGINES[arguments.engine, request.pop("what")](request, arguments.scratch)
        answer["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(answer), file=answers, flush=True)


@cache
def _rows(kind: str, count: int, scratch: Path) -> texts.Rows:
    return texts.load(kind, count, scratch)


# training


def train_tuneproof(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """One epoch by the product's own loop; seconds of its steps, without loading and validation."""
    from tuneproof import tunings
    from tuneproof.cell import Cell, Search, Training
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import Data, fit

    rows = _rows(request["kind"], request["count"], scratch)
    few = Tokens(rows.tokens.ids[:VALIDATION], {key: value[:VALIDATION] for key, value in rows.tokens.columns.items()})
    cell = Cell(
        dataset=request["kind"],
        model="minilm",
        method=request["tuning"],
        task=rows.task,
        tuning={"name": request["tuning"]},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=1, batch_size=request["batch"], precision=request["precision"]),
        learning_rates=tunings.get(request["tuning"]).learning_rates,
        search=Search(),
    )
    result = fit(
        cell,
        Data(rows.tokens, few, rows.frame.iloc[:VALIDATION], rows.labels),
        model_folder=texts.model_folder(),
        learning_rate=request["rate"],
        warmup_ratio=0.1,
        seed=request["seed"],
    )
    return {
        "seconds": result.seconds,
        "examples": result.examples,
        "tokens": sum(rows.tokens.lengths),
        "loss": result.history[-1]["train_loss"],
    }


def train_trainer(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """One epoch by `transformers.Trainer` with its defaults."""
    return _train_with_trainer(request, scratch, {})


def train_trainer_best(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """One epoch by `transformers.Trainer` with the settings that make it fastest on a CPU."""
    return _train_with_trainer(
        request, scratch, {"train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused"}
    )


def _train_with_trainer(request: dict[str, Any], scratch: Path, settings: dict[str, Any]) -> dict[str, Any]:
    from transformers import Trainer, TrainingArguments

    rows = _rows(request["kind"], request["count"], scratch)
    given: Any = Encoded(rows)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=request["batch"],
            num_train_epochs=1,
            learning_rate=request["rate"],
            warmup_steps=0.1,
            weight_decay=0.01,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            seed=request["seed"],
            bf16=request["precision"] == "bf16",
            **settings,
        )
        trainer = Trainer(
            model=plain_model(request["tuning"], rows),
            args=arguments,
            train_dataset=given,
            data_collator=collator(rows.task),
        )
        start = time.perf_counter()
        outcome = trainer.train()
        seconds = time.perf_counter() - start
    return {
        "seconds": min(seconds, outcome.metrics["train_runtime"]),
        "examples": len(rows.tokens),
        "tokens": sum(rows.tokens.lengths),
        "loss": outcome.training_loss,
    }


# prediction


def predict_tuneproof(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    from tuneproof import tasks
    from tuneproof.train.model import load_base
    from tuneproof.train.predict import predict

    rows = _rows(request["kind"], request["count"], scratch)
    task = tasks.get(rows.task)
    model = load_base(texts.model_folder(), task, rows.labels, seed=0)
    # the peers tokenize within their call, so that this one does too
    start = time.perf_counter()
    from tuneproof.tokenize import load_tokenizer

    encoded = task.encode(load_tokenizer(texts.model_folder()), rows.frame, rows.labels, max_length=512)
    from tuneproof.train.batches import Tokens

    predict(model, task, Tokens(rows.tokens.ids, texts.arrays(encoded)), rows.labels, precision=request["precision"])
    return {"seconds": time.perf_counter() - start, "examples": len(rows.tokens)}


def predict_pipeline(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    import torch
    import transformers

    from tuneproof import tasks
    from tuneproof.tokenize import load_tokenizer

    rows = _rows(request["kind"], request["count"], scratch)
    auto = getattr(transformers, tasks.get(rows.task).auto_class)
    kind = "token-classification" if rows.task == "ner" else "text-classification"
    dtype = torch.bfloat16 if request["precision"] == "bf16" else torch.float32
    model = auto.from_pretrained(texts.model_folder(), num_labels=len(rows.labels), dtype=dtype, local_files_only=True)
    make_pipeline: Any = transformers.pipeline  # typed by an overload a kind
    pipe = make_pipeline(kind, model=model, tokenizer=load_tokenizer(texts.model_folder()), device=-1)
    given = [" ".join(tokens) for tokens in rows.frame["tokens"]] if rows.task == "ner" else list(rows.frame["text"])
    start = time.perf_counter()
    pipe(given, batch_size=request["batch"], **({} if rows.task == "ner" else {"truncation": True}))
    return {"seconds": time.perf_counter() - start, "examples": len(given)}


def predict_sentence_transformers(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Embeddings of the same texts by the same body: what a classifier on top of them would pay."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    rows = _rows(request["kind"], request["count"], scratch)
    body = Transformer(str(texts.model_folder()), max_seq_length=512)
    model = SentenceTransformer(modules=[body, Pooling(384)], device="cpu")
    if request["precision"] == "bf16":
        model = model.to(torch.bfloat16)
    given = list(rows.frame["text"])
    start = time.perf_counter()
    model.encode(given, batch_size=request["batch"], convert_to_tensor=True)
    return {"seconds": time.perf_counter() - start, "examples": len(given)}


# matrix products


def peak(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """FLOP/s of the model's own matrix products at a batch's size: the best that a training step could reach."""
    import torch

    dtype = torch.bfloat16 if request["precision"] == "bf16" else torch.float32
    tokens, best = request["tokens"], 0.0
    shapes = [(tokens, 384, 384), (tokens, 384, 1536), (tokens, 1536, 384)]
    for rows, inner, columns in shapes * 3:
        one, other = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
        for _ in range(3):
            one @ other
        count = max(3, int(2e9 / (2 * rows * inner * columns)))
        start = time.perf_counter()
        for _ in range(count):
            one @ other
        best = max(best, count * 2 * rows * inner * columns / (time.perf_counter() - start))
    return {"flops": best}


ENGINES: dict[tuple[str, str], Callable[[dict[str, Any], Path], dict[str, Any]]] = {
    ("tuneproof", "train"): train_tuneproof,
    ("trainer", "train"): train_trainer,
    ("trainer-best", "train"): train_trainer_best,
    ("tuneproof", "predict"): predict_tuneproof,
    ("pipeline", "predict"): predict_pipeline,
    ("sentence-transformers", "predict"): predict_sentence_transformers,
    ("tuneproof", "peak"): peak,
    ("tuneproof", "probe"): probe.by_tuneproof,
    ("trainer", "probe"): probe.by_trainer,
}

if __name__ == "__main__":
    main()
