"""Small experiments with probabilities, for the tables that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuneproof.files import write_frame, write_json

LABELS = ["bad", "fine", "good"]
TAGS = ["O", "B-x", "I-x"]


class Small:
    """Prepared rows and predictions of one data set; `run` judges them and gives the folder of the tables."""

    def __init__(self, root: Path, task: str, labels: list[str]) -> None:
        self.root, self.task = root, task
        self.predictions: dict[str, Path] = {}
        self.gold: dict[str, pd.DataFrame] = {}
        write_json(root / "prepared" / "card.json", {"labels": labels})

    def prepare(self, split: str, **columns: list[Any]) -> None:
        count = len(next(iter(columns.values())))
        self.gold[split] = pd.DataFrame({"id": [f"{split}-{i:03}" for i in range(count)], **columns})
        write_frame(self.root / "prepared" / f"{split}.parquet", self.gold[split])

    def predict(self, key: str, **columns: dict[str, list[Any]]) -> None:
        """Columns of predictions: name → split → values."""
        frames = [
            pd.DataFrame({"id": gold["id"], "split": split, **{name: given[split] for name, given in columns.items()}})
            for split, gold in self.gold.items()
        ]
        self.predictions[key] = self.root / key.replace(":", "-") / "predictions.parquet"
        write_frame(self.predictions[key], pd.concat(frames))

    def run(self, **evaluation: Any) -> Path:
        from tuneproof.evaluate import run as stage

        settings = {
            "task": self.task,
            "dataset": "small",
            "model": "tiny",
            "evaluation": {"bootstrap": 400, "confidence": 0.95, "seed": 0, **evaluation},
        }
        stage.run(settings, self.root / "prepared", self.predictions, self.root / "out")
        return self.root / "out"

    def read(self, name: str, **evaluation: Any) -> pd.DataFrame:
        return pd.read_csv(self.run(**evaluation) / f"{name}.csv")


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Small]:
    """`small(task, labels)`: an experiment without rows."""
    return lambda task, labels=(): Small(tmp_path, task, list(labels))


@pytest.fixture
def classified(small: Callable[..., Small]) -> Small:
    """Three classes, two seeds of `m` that are too sure, and an ensemble of both."""
    made = small("classification", LABELS)
    generator = np.random.default_rng(0)
    for split, count in (("validation", 60), ("test", 120)):
        made.prepare(split, text=["…"] * count, label=generator.choice(LABELS, count).tolist())
    means: dict[str, Any] = {}
    for seed in range(2):
        given = {}
        for split, gold in made.gold.items():
            logits = generator.normal(size=(len(gold), 3))
            logits[np.arange(len(gold)), [LABELS.index(label) for label in gold["label"]]] += 1
            p = np.exp(3 * logits)
            given[split] = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
            means[split] = means.get(split, 0) + given[split] / 2
        made.predict(f"m/seed-{seed}", **answers(given))
    made.predict("ensemble:both", **answers(means))
    return made


def answers(given: dict[str, np.ndarray]) -> dict[str, dict[str, list[Any]]]:
    return {
        "prediction": {split: [LABELS[place] for place in p.argmax(axis=1)] for split, p in given.items()},
        "probabilities": {split: list(p) for split, p in given.items()},
    }


@pytest.fixture
def tagged(small: Callable[..., Small]) -> Small:
    """Four sentences with known entities, two seeds: the first misses one and invents one, the second is right."""
    made = small("ner", TAGS)
    tags = [["B-x", "I-x"], ["O", "B-x", "O"], ["O", "O"], ["O"]]
    wrong = [["B-x", "I-x"], ["O", "O", "O"], ["B-x", "O"], ["O"]]
    for split in ("validation", "test"):
        made.prepare(split, tokens=[["w"] * len(sentence) for sentence in tags], tags=tags)
    for seed, (found, sure) in enumerate(((wrong, 0.8), (tags, 0.9))):
        probabilities = [
            [[sure if tag == name else (1 - sure) / 2 for name in TAGS] for tag in sentence] for sentence in found
        ]
        both = ("validation", "test")
        made.predict(
            f"m/seed-{seed}",
            prediction=dict.fromkeys(both, found),
            probabilities=dict.fromkeys(both, probabilities),
        )
    return made
