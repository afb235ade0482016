"""Every number of the further tables has an address, and `tuneproof trace` finds at it what the page shows."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

from tuneproof.files import write_csv, write_json
from tuneproof.report import tables
from tuneproof.report.page import page
from tuneproof.trace import reference
from tuneproof.trace.figures import name

PAIR = {"dataset": "movie", "model": "tiny"}
FOUND = re.compile(r'<td[^>]* data-words="([^"]+)"[^>]*><button[^>]*>([^<]*)</button>')


def write_challenged(folder: Path) -> None:
    """Tables of `evaluate` about what `challenge` found, made up: two seeds, two shifts."""

    def ends(drop: float) -> dict[str, float]:
        return {"drop": drop, "low": drop - 0.01, "high": drop + 0.01}

    made = {
        "robustness": [
            {
                "method": method,
                "challenge": shift,
                "score": "accuracy",
                "unchanged": 0.8,
                "changed": 0.8 - drop,
                **ends(drop),
            }
            for method, shift, drop in (("full", "typos", 0.1), ("full", "case", 0.02), ("lora", "typos", 0.3))
        ],
        "attack": [{"method": "lora", "seed": seed, "rows": 20, "success_rate": 0.5 + seed / 10} for seed in (0, 1)],
        "forgetting": [
            {"method": "full", "seed": seed, "measure": measure, "value": 0.9 - seed / 10 - len(measure) / 100}
            for seed in (0, 1)
            for measure in ("cka", "similarity")
        ],
        "checks": [{"method": "full", "check": "praise", "kind": "function", "seed": 1, "cases": 4, "rate": 0.25}],
        "transfer": [{"method": "full", "test_on": "tweets", "score": "accuracy", "rows": 48, "value": 0.61}],
        "slices": [{"method": "lora", "slice": "long texts", "score": "accuracy", "value": 0.7, "gap": -0.1}],
        "entities": [
            {"method": "full", "type": kind, "measure": "recall", "value": value}
            for kind, value in (("all", 0.4), ("person", 0.6))
        ],
    }
    for table, rows in made.items():
        write_csv(folder / f"{table}.csv", pd.DataFrame([{**PAIR, **row, "note": None} for row in rows]))


def test_the_number_at_each_address_is_the_one_on_the_page(write_results):
    settings, results = write_results(datasets=("movie",), seeds=(0, 1), methods=("full", "lora"), rows=120)
    write_challenged(results / "evaluate/movie/tiny")
    write_json(results / "settings/report.json", settings)
    found = tables.Results(results)
    text = page(settings, tables.panels(settings, found), found)
    checked: dict[str, int] = {}
    for table in re.findall(r'<table class="sortable" data-file="evaluate/[^>]*>.*?</table>', text, re.DOTALL):
        file = re.search(r'data-file="([^"]+)"', table)[1]
        for words, shown in FOUND.findall(table):
            values = [reference.find(f"{results / file}:{one}")[1].value for one in html.unescape(words).split("|")]
            assert f"{sum(values) / len(values):.4g}" == shown, words
            checked[Path(file).stem] = checked.get(Path(file).stem, 0) + 1
        # no number that can be clicked is without one
        numbers = re.findall(r"<td([^>]*)><button", table)
        assert all("data-words" in cell for cell in numbers) or "comparisons.csv" in file
    assert checked.pop("mistakes") > 20
    assert checked.pop("calibration") > 5
    assert checked.pop("ensembles") > 3
    assert checked == {
        "robustness": 5,
        "attack": 4,
        "forgetting": 2,
        "checks": 2,
        "transfer": 2,
        "slices": 2,
        "entities": 1,
    }


@pytest.mark.parametrize(
    ("key", "cell", "called"),
    [
        ("seed", "1.0", "seed-1"),
        ("seed", "", "all"),
        ("bin", "3", "bin-3"),
        ("coverage", "1.0", "coverage-1"),
        ("coverage", "0.02", "coverage-0.02"),
        ("gold", "and/or: `rm`", "and%2For%3A%20%60rm%60"),
        ("gold", "好", "%E5%A5%BD"),
    ],
)
def test_what_a_cell_is_called_in_an_address(key, cell, called):
    assert name(key, cell) == called
