"""`tuneproof power`: what it says about stored comparisons."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuneproof.errors import TuneproofError
from tuneproof.evaluate import power
from tuneproof.evaluate import run as stage
from tuneproof.files import write_frame, write_json
from tuneproof.statistics.power import Parts

SETTINGS = {
    "task": "classification",
    "dataset": "movie",
    "model": "tiny",
    "evaluation": {"bootstrap": 400, "confidence": 0.95, "seed": 0},
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two methods with three seeds that differ by about 0.05, and an ensemble, on 200 rows."""
    generator = np.random.default_rng(0)
    prepared, predictions = tmp_path / "prepare", {}
    for split in ("validation", "test"):
        write_frame(prepared / f"{split}.parquet", pd.DataFrame({"id": range(200), "label": "yes"}))
    for name, accuracy in (("good", 0.85), ("poor", 0.8)):
        for seed in range(3):
            frames = [
                pd.DataFrame({"id": range(200), "split": split, "prediction": np.where(right, "yes", "no")})
                for split in ("validation", "test")
                for right in [generator.random(200) < accuracy]
            ]
            predictions[f"{name}/seed-{seed}"] = tmp_path / f"{name}-{seed}.parquet"
            write_frame(predictions[f"{name}/seed-{seed}"], pd.concat(frames))
    predictions["ensemble:one"] = predictions["good/seed-0"]
    predictions["ensemble:two"] = predictions["good/seed-1"]
    write_json(tmp_path / "settings/evaluate/movie/tiny.json", SETTINGS)
    stage.run(SETTINGS, prepared, predictions, tmp_path / "evaluate/movie/tiny")
    return tmp_path


def ask(results: Path, a: str, b: str, **options) -> str:
    return power.report(a, b, results, **{"dataset": None, "model": None, "difference": None, **options})


def test_it_says_how_many_seeds_and_rows(results):
    text = ask(results, "poor", "good", difference=0.09)
    row = pd.read_csv(results / "evaluate/movie/tiny/comparisons.csv").set_index(["a", "b"]).loc[("good", "poor")]
    parts = Parts(row["variance_rows"], row["variance_seeds"], row["variance_both"])
    assert text.startswith(f"movie/tiny: good − poor = {row['difference']:+.4g} accuracy")
    rows = int(re.search(r"test rows, with these 3 seeds: (\d+)", text).group(1))
    assert parts.detectable(rows, 3) <= 0.09 < parts.detectable(rows - 1, 3)
    grid = {int(line.split()[0]): line.split()[1:] for line in text.splitlines()[-4:]}
    assert list(grid) == [3, 6, 15, 30]
    assert grid[6][1] == f"{parts.detectable(400, 6):.4f}"
    assert text == ask(results, "good", "poor", difference=0.09, dataset="movie", model="tiny")


def test_without_a_difference_it_takes_the_one_found(results):
    row = pd.read_csv(results / "evaluate/movie/tiny/comparisons.csv").set_index(["a", "b"]).loc[("good", "poor")]
    assert f"to show a true difference of {row['difference']:.4g} with 80 % power" in ask(results, "good", "poor")


def test_what_has_no_answer_says_why(results):
    assert "what it would take: not defined: it takes two seeds and two rows with a score" in ask(results, "one", "two")
    with pytest.raises(TuneproofError, match="good and pour were not compared with each other; compared here: good"):
        ask(results, "good", "pour")
    with pytest.raises(TuneproofError, match="compared here: nothing"):
        ask(results, "good", "poor", dataset="tweets")
