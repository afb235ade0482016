"""A results folder that holds what `fit` reads: settings, prepared rows, what the search found, a fetched model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuneproof import files
from tuneproof.cell import Cell, Search, Training

ROWS = {"train": 30, "validation": 12, "test": 18}
LABELS = {"classification": ["bad", "good"], "regression": ["value"], "ner": ["O", "B-city", "I-city"]}
PRIMARY = {"classification": "accuracy", "regression": "pearson", "ner": "entity_f1"}


@pytest.fixture
def small(tmp_path: Path, tiny_folder: Path) -> Callable[..., Path]:
    """`small(task, tuning, …)`: its results folder; labels are drawn at random, so that only memory answers them."""

    def write(task: str, tuning: str, *, rate: float = 1e-3, training: dict[str, Any] | None = None) -> Path:
        results = tmp_path / "results"
        cell = Cell(
            dataset="toy",
            model="tiny",
            method=tuning,
            task=task,
            tuning={"name": tuning},
            augmentation="none",
            adversarial=None,
            training=Training(epochs=1, batch_size=8, device="cpu", precision="fp32", **(training or {})),
            learning_rates=(1e-5, 1e2, 1e-3),
            search=Search(),
        )
        settings = results / "settings"
        files.write_json(settings / "cell" / "toy" / "tiny" / f"{tuning}.json", cell.model_dump(mode="json"))
        files.write_json(settings / "tokenize" / "toy" / "tiny.json", {"task": task, "max_length": 32})
        about = {"cells": [["toy", "tiny", tuning]], "seeds": [0, 1], "ensembles": [], "models": ["tiny"]}
        about["datasets"] = {"toy": {"task": task, "primary": PRIMARY[task]}}
        files.write_json(settings / "report.json", about)
        files.write_json(results / "search/toy/tiny" / tuning / "best.json", {"learning_rate": rate, "warmup_ratio": 0})
        names = [path.name for path in tiny_folder.iterdir() if path.is_file()]
        manifest = {"folder": str(tiny_folder), "files": dict.fromkeys(names, ""), "licence": "Apache-2.0"}
        files.write_json(results / "fetch" / "models" / "tiny.json", {**manifest, "origin": "a random model"})
        card = {"labels": LABELS[task], "licence": "CC0-1.0", "citation": "nobody", "rows": ROWS}
        files.write_json(results / "prepare" / "toy" / "card.json", card)
        for split, count in ROWS.items():
            files.write_frame(results / "prepare" / "toy" / f"{split}.parquet", rows(task, split, count))
        return results

    return write


def rows(task: str, split: str, count: int) -> pd.DataFrame:
    generator = np.random.default_rng([count, len(split)])
    vocabulary = ["red", "green", "blue", "house", "river", "film", "tree", "stone", "paper", "north", "wine", "bread"]
    texts = [" ".join(generator.choice(vocabulary, size=8)) + f" {split} {i}" for i in range(count)]
    frame = pd.DataFrame({"id": [f"{split}-{i}" for i in range(count)]})
    if task == "ner":
        frame["tokens"] = [text.split() for text in texts]
        frame["tags"] = [["B-city", "I-city", *["O"] * 8] if i % 2 else ["O"] * 10 for i in range(count)]
        return frame
    frame["text"] = texts
    drawn = generator.integers(0, 2, count)
    frame["label"] = [LABELS[task][i] for i in drawn] if task == "classification" else generator.normal(size=count)
    return frame
