"""experiments/replication.yaml asks what docs/replication.md says that it asks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tuneproof import params, settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "experiments/replication.yaml"
PAGE = (ROOT / "docs/replication.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plan() -> settings.Plan:
    return settings.plan(params.load(FILE))


def test_check_accepts_it():
    from tuneproof.cli import app

    result = CliRunner().invoke(app, ["check", str(FILE)])
    assert result.exit_code == 0, result.output
    assert "15 cells, 60 search trials, 75 runs" in result.output


def test_five_methods_at_three_sizes_with_five_seeds(plan):
    assert {cell.tuning["name"] for cell in plan.cells} == {"full", "lora", "adapter", "prefix", "bitfit"}
    declared = params.load(FILE)
    assert sorted(dataset.train_size for dataset in declared.datasets.values()) == [100, 500, 1000]
    assert len({(cell.dataset, cell.method) for cell in plan.cells}) == 15
    assert declared.seeds == (0, 1, 2, 3, 4)
    assert len({cell.search.trials for cell in plan.cells}) == 1


def test_every_method_is_trained_alike_on_a_data_set(plan):
    for dataset in {cell.dataset for cell in plan.cells}:
        assert len({cell.training.model_dump_json() for cell in plan.cells if cell.dataset == dataset}) == 1


def test_the_page_names_the_data_sets_and_sizes_that_there_are(plan):
    assert set(re.findall(r"movie-(?:few|more)-\d+-draw-\d+", PAGE)) == {cell.dataset for cell in plan.cells}
    by_name = {cell.tuning["name"]: cell.tuning for cell in plan.cells}
    sizes = by_name["adapter"]["size"], by_name["prefix"]["tokens"], by_name["lora"]["rank"]
    assert re.search(r"bottleneck of (\d+), prefix of (\d+), rank (\d+)", PAGE).groups() == tuple(map(str, sizes))
