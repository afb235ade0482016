"""A results folder as the other stages write it, made up but consistent: predictions are judged by the real stage."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuneproof.evaluate import run as evaluate
from tuneproof.files import write_csv, write_frame, write_json

METHODS = {  # accuracy, trainable parameters, seconds, best learning rate
    "full": (0.86, 4_386_306, 41.0, 5e-5),
    "lora": (0.852, 74_242, 33.0, 6e-4),
    "adapter": (0.845, 92_114, 36.0, 1e-3),
    "bitfit": (0.80, 10_498, 24.0, 2e-3),
    "probe": (0.70, 258, 6.0, 9e-3),
    "ia3": (0.78, 2_000, 25.0, 1e-2),
    "fgm": (0.862, 4_386_306, 83.0, 5e-5),
}


NAMES = (
    *("full", "probe", "bitfit", "ln-tuning", "partial", "gradual", "layerwise", "lora", "adalora", "loha", "lokr"),
    *("vera", "vblora", "randlora", "hra", "miss", "oft", "boft", "fourierft", "waveft", "c3a", "road", "shira"),
    *("adapter", "pfeiffer-adapter", "prefix", "prompt", "p-tuning", "ia3", "trainable-tokens", "rslora", "dora"),
    *("lora-plus", "pissa", "olora", "eva", "full-fgm", "full-pgd", "full-freelb", "full-smart", "full-vat"),
    *("full-rdrop", "full-mixup", "full-label-smoothing", "full-child-tuning", "full-l2-sp", "full-mixout"),
)
"""A comparison of many methods."""


@pytest.fixture
def many() -> tuple[str, ...]:
    return NAMES


def figures(method: str) -> tuple[float, float, float, float]:
    """Accuracy, trainable parameters, seconds and best learning rate of a method, made up."""
    if method in METHODS:
        return METHODS[method]
    generator = np.random.default_rng([ord(letter) for letter in method])
    return (
        float(generator.uniform(0.6, 0.87)),
        int(10 ** generator.uniform(3, 7)),
        float(generator.uniform(5, 60)),
        float(10 ** generator.uniform(-5, -1)),
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Results of each kind, made once a session: judging predictions takes seconds."""
    folders: dict[tuple[Any, ...], Path] = {}

    def results(datasets: tuple[str, ...], models: tuple[str, ...], labels: tuple[str, str], *rest: Any) -> Path:
        key = (datasets, models, labels, *rest)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("made")
            finished, seeds, ensembles, rows = rest
            for dataset in datasets:
                write_card(folders[key], dataset, rows, list(labels))
                for model in models:
                    write_pair(folders[key], dataset, model, list(finished), list(seeds), list(ensembles), list(labels))
        return folders[key]

    return results


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., dict[str, Any]]:
    return report_settings


@pytest.fixture
def write_results(tmp_path: Path, made: Callable[..., Path]) -> Callable[..., tuple[dict[str, Any], Path]]:
    def write(
        *,
        datasets: tuple[str, ...] = ("movie", "tweets"),
        models: tuple[str, ...] = ("tiny",),
        methods: tuple[str, ...] = tuple(METHODS),
        seeds: tuple[int, ...] = (0, 1, 2),
        failed: tuple[str, ...] = (),
        ensembles: tuple[str, ...] = ("all-seeds",),
        rows: int = 400,
        labels: tuple[str, str] = ("negative", "positive"),
    ) -> tuple[dict[str, Any], Path]:
        results = tmp_path / "results"
        finished = tuple(method for method in methods if method not in failed)
        source = made(datasets, models, labels, finished, seeds, ensembles, rows)
        shutil.copytree(source, results, dirs_exist_ok=True)
        settings = report_settings(datasets, models, methods, seeds, ensembles)
        return settings, results

    return write


def report_settings(
    datasets: tuple[str, ...],
    models: tuple[str, ...],
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
    ensembles: tuple[str, ...],
) -> dict[str, Any]:
    """report.json of such an experiment."""
    return {
        "title": "Which way of fine-tuning is best?",
        "datasets": {name: {"task": "classification", "primary": "accuracy"} for name in datasets},
        "models": list(models),
        "methods": {
            name: {
                "idea": f"The idea of {name} in a sentence.",
                "paper": "Someone et al. 2020",
                "tuning": "full" if name == "fgm" else name,
                "augment": None,
                "adversarial": "fgm" if name == "fgm" else None,
                "training": {},
            }
            for name in methods
        },
        "cells": [[d, m, method] for d in datasets for m in models for method in methods],
        "seeds": list(seeds),
        "ensembles": [[d, m, e] for d in datasets for m in models for e in ensembles],
        "left_out": [
            {
                "dataset": datasets[0],
                "model": models[0],
                "method": "mentions",
                "reason": "augmentation mention replacement is for ner, not for classification",
            }
        ],
        "search": {"trials": 6},
        "evaluation": {"bootstrap": 300, "confidence": 0.95, "seed": 0},
    }


def write_card(results: Path, dataset: str, rows: int, labels: list[str]) -> None:
    folder = results / "prepare" / dataset
    generator = np.random.default_rng(len(dataset))
    for split in ("validation", "test"):
        gold = generator.choice(labels, rows).tolist()
        frame = pd.DataFrame({"id": [f"{split}-{i}" for i in range(rows)], "text": "…", "label": gold})
        write_frame(folder / f"{split}.parquet", frame)
    card = {
        "dataset": dataset,
        "task": "classification",
        "licence": "MIT",
        "citation": "Hutto and Gilbert 2014",
        "labels": labels,
        "rows_read": 2 * rows + 1012,
        "rows": {"train": 1000, "validation": rows, "test": rows},
        "removed": [
            {"reason": "same text as an earlier row", "count": 9, "examples": ["movie.txt:12"]},
            {"reason": "empty text", "count": 3, "examples": ["movie.txt:40"]},
        ],
        "label_counts": {},
    }
    write_json(folder / "card.json", card)


def write_pair(
    results: Path,
    dataset: str,
    model: str,
    methods: list[str],
    seeds: list[int],
    ensembles: list[str],
    labels: list[str],
) -> None:
    prepared = results / "prepare" / dataset
    gold = {split: pd.read_parquet(prepared / f"{split}.parquet") for split in ("validation", "test")}
    ease = {split: np.random.default_rng(1).random(len(frame)) for split, frame in gold.items()}
    predictions: dict[str, Path] = {}

    def answer(path: Path, accuracy: float, generator: np.random.Generator) -> Path:
        """Hard rows are hard for every method."""
        parts = []
        for split, frame in gold.items():
            right = ease[split] + generator.normal(0, 0.05, len(frame)) < accuracy
            other = np.where(frame["label"] == labels[0], labels[1], labels[0])
            answers = np.where(right, frame["label"], other)
            sure = 0.5 + 0.49 * np.minimum(1, 2 * np.abs(ease[split] - accuracy))
            first = np.where(answers == labels[0], sure, 1 - sure)
            probabilities = list(np.column_stack([first, 1 - first]))
            parts.append(
                pd.DataFrame({"id": frame["id"], "split": split, "prediction": answers, "probabilities": probabilities})
            )
        write_frame(path, pd.concat(parts))
        return path

    for place, method in enumerate(methods):
        accuracy, parameters, seconds, best = figures(method)
        generator = np.random.default_rng([place, len(dataset), len(model)])
        write_search(results / "search" / dataset / model / method, best, accuracy, generator)
        for seed in seeds:
            run = results / "train" / dataset / model / method / f"seed-{seed}"
            lucky = accuracy + generator.normal(0, 0.006)
            predictions[f"{method}/seed-{seed}"] = answer(run / "predictions.parquet", lucky, generator)
            write_run(run, lucky, parameters, seconds * generator.uniform(0.95, 1.1), best)
    for name in ensembles:
        folder = results / "ensemble" / dataset / model / name
        predictions[f"ensemble:{name}"] = answer(folder / "predictions.parquet", 0.87, np.random.default_rng(5))
        members = [{"run": f"{methods[0]}/seed-{seed}", "weight": 1 / len(seeds), "sha256": "0" * 64} for seed in seeds]
        write_json(folder / "members.json", {"members": members})
    settings = {
        "task": "classification",
        "dataset": dataset,
        "model": model,
        "evaluation": {"bootstrap": 300, "confidence": 0.95, "seed": 0},
    }
    evaluate.run(settings, prepared, predictions, results / "evaluate" / dataset / model)


def write_search(folder: Path, best: float, accuracy: float, generator: np.random.Generator) -> None:
    low, high = best / 10, best * 10
    rates = [best, *np.exp(generator.uniform(math.log(low), math.log(high), 5))]
    values = [accuracy - 0.04 * math.log10(rate / best) ** 2 - abs(generator.normal(0, 0.004)) for rate in rates]
    values[0] = accuracy
    trials = pd.DataFrame(
        {
            "trial": range(6),
            "state": ["complete", "complete", "pruned", "complete", "pruned", "complete"],
            "learning_rate": rates,
            "warmup_ratio": generator.uniform(0, 0.2, 6),
            "epochs": [4, 4, 1, 4, 2, 4],
            "value": values,
        }
    )
    write_csv(folder / "trials.csv", trials)
    edge = "high" if folder.name == "probe" else None
    found = {
        "learning_rate": best,
        "warmup_ratio": 0.1,
        "score": "accuracy",
        "value": accuracy,
        "trial": 0,
        "trials": 6,
    }
    write_json(folder / "best.json", {**found, "range": [low, best if edge else high], "edge": edge})


def write_run(folder: Path, accuracy: float, parameters: int, seconds: float, rate: float) -> None:
    epochs = np.arange(1, 6)
    curve = accuracy - 0.25 * np.exp(-epochs)
    history = {"epoch": epochs, "step": epochs * 63, "learning_rate": rate, "train_loss": np.exp(-epochs / 2)}
    write_csv(
        folder / "history.csv", pd.DataFrame({**history, "validation_accuracy": curve, "validation_macro_f1": curve})
    )
    write_json(
        folder / "run.json",
        {
            "trainable_parameters": parameters,
            "total_parameters": 4_386_306,
            "learning_rate": rate,
            "inputs": {
                name: digest * 16 for name, digest in (("settings", "5e77"), ("card", "da7a"), ("model", "0de1"))
            },
            "code": {"tuneproof/train/loop.py": "c0de" * 16},
            "predictions": {"sha256": "a5c3" * 16, "rows": 2},
        },
    )
    write_json(folder / "manifest.json", {"model.safetensors": {"sha256": "c4ec" * 16, "bytes": parameters * 4}})
    git = {"commit": "1234567890abcdef1234567890abcdef12345678", "dirty": False}
    write_json(folder / "provenance.json", {"git": git, "python": "CPython 3.11.7", "packages": {"torch": "2.13.0"}})
    cost = {"train_seconds": seconds, "predict_seconds": seconds / 10, "peak_memory_mb": 512.5}
    cost |= {"checkpoint_bytes": parameters * 4, "device": "cpu", "hardware": "2 cores of a made-up machine"}
    write_json(folder / "cost.json", cost)
