"""docs/statistics.md: its code runs on results as they are written, and gives the numbers of the tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tuneproof.evaluate.run import COMPARISONS, SCORES
from tuneproof.report import run

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


@pytest.fixture
def execute(write_results, tmp_path, monkeypatch):
    settings, results = write_results(datasets=("movie",))
    run.run(settings, results, results / "report")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    def run_block(place: int) -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(compile(blocks[place], f"{PAGE.name}, block {place + 1}", "exec"), names)
        return names

    return run_block


def test_a_leaderboard_value_by_hand(execute):
    names = execute(0)
    stored = names["board"].loc[("movie", "tiny", "lora"), "value"]
    assert sum(names["values"]) / 3 == pytest.approx(stored, abs=1e-6)


def test_the_verdict_by_hand(execute):
    names = execute(1)
    page = Path("results/report/index.html").read_text(encoding="utf-8")
    rivals = names["rivals"]
    assert len(rivals) > 1
    assert f"{names['best']} is ahead at" in page
    assert f"it cannot be told apart from {', '.join(rivals[:-1])} and {rivals[-1]}" in page


def test_a_difference_by_hand(execute):
    names = execute(2)
    pairs = pd.read_csv("results/evaluate/movie/tiny/comparisons.csv").set_index(["a", "b"])
    stored = pairs.loc[("full", "probe")]
    assert names["difference"].mean() == pytest.approx(stored["difference"], abs=1e-6)
    assert names["low"] == pytest.approx(stored["low"], abs=0.005)
    assert names["high"] == pytest.approx(stored["high"], abs=0.005)


def test_every_column_is_explained():
    text = PAGE.read_text(encoding="utf-8")
    assert [column for column in (*SCORES, *COMPARISONS) if f"`{column}`" not in text] == []
