"""From params to jobs: what runs, what is left out and why, and files that change only with their content."""

import json
from pathlib import Path

import pytest
import yaml

from tuneproof import handover, params, settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny():
    return yaml.safe_load((ROOT / "experiments/tiny.yaml").read_text())


def test_a_technique_for_another_task_is_left_out_with_its_reason(tiny):
    plan = settings.plan(params.check(tiny))
    left_out = {(entry["dataset"], entry["method"]): entry["reason"] for entry in plan.left_out}
    assert left_out == {("movie-sentiment", "probe-mention"): "augmentation mention is for ner, not for classification"}
    assert ("tweet-ner", "probe-mention") in {(cell.dataset, cell.method) for cell in plan.cells}


def test_training_settings_are_laid_over_each_other(tiny):
    tiny["training"] = {"epochs": 1, "batch_size": 4, "weight_decay": 0.1}
    tiny["datasets"]["tweet-ner"]["training"] = {"epochs": 2, "batch_size": 2}
    tiny["methods"]["lora"]["training"] = {"batch_size": 1}
    cells = {(cell.dataset, cell.method): cell.training for cell in settings.plan(params.check(tiny)).cells}
    found = cells["tweet-ner", "lora"]
    assert (found.epochs, found.batch_size, found.weight_decay) == (2, 1, 0.1)
    assert cells["movie-sentiment", "full"].batch_size == 4


def test_a_methods_own_range_replaces_the_tunings(tiny):
    tiny["methods"]["full"]["learning_rate"] = [1e-4, 1e-3]
    cells = {(cell.dataset, cell.method): cell for cell in settings.plan(params.check(tiny)).cells}
    assert cells["tweet-ner", "full"].learning_rates == (1e-4, 1e-3, 1e-4)
    assert cells["tweet-ner", "lora"].learning_rates[0] > 0


def test_full_tuning_starts_its_search_at_1e_5(tiny):
    cells = {cell.method: cell for cell in settings.plan(params.check(tiny)).cells}
    assert cells["full"].learning_rates[2] == 1e-5


def test_every_method_has_the_same_budget(tiny):
    assert len({cell.search for cell in settings.plan(params.check(tiny)).cells}) == 1


def stamps(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def test_only_files_whose_content_differs_are_written(tiny, tmp_path):
    settings.write(params.check(tiny), tmp_path)
    before = stamps(tmp_path)
    settings.write(params.check(tiny), tmp_path)
    assert stamps(tmp_path) == before
    tiny["methods"]["lora"]["learning_rate"] = [1e-4, 1e-3]
    settings.write(params.check(tiny), tmp_path)
    after = stamps(tmp_path)
    assert {path for path in after if after[path] != before[path]} == {
        "settings/cell/movie-sentiment/minilm/lora.json",
        "settings/cell/tweet-ner/minilm/lora.json",
    }


def test_settings_of_a_removed_method_go(tiny, tmp_path):
    settings.write(params.check(tiny), tmp_path)
    del tiny["methods"]["lora"]
    settings.write(params.check(tiny), tmp_path)
    assert not [path for path in stamps(tmp_path) if path.endswith("lora.json")]
    assert "lora" not in json.loads((tmp_path / "settings/report.json").read_text())["methods"]


def test_members_are_patterns_over_runs(tiny):
    tiny["ensembles"] = {"first": {"members": ["*/seed-0"]}, "lora": {"members": ["lora/*"]}}
    checked = params.check(tiny)
    cells = settings.plan(checked).cells
    assert settings.members(checked, cells, "movie-sentiment", "minilm", "lora") == ["lora/seed-0", "lora/seed-1"]
    assert settings.members(checked, cells, "movie-sentiment", "minilm", "first") == [
        "full/seed-0",
        "lora/seed-0",
        "probe/seed-0",
    ]


def test_pruning_removes_leftovers_and_nothing_else(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny["results"] = "results"
    checked = params.check(tiny)
    plan = settings.plan(checked)
    kept = [
        "results/train/tweet-ner/minilm/full/seed-0/run.json",
        "results/fetch/models/minilm.json",
        "results/tokenize/tweet-ner/mention/minilm/train.parquet",
        "results/report/index.html",
        "results/experiments/other/train/a/b/c/seed-0/run.json",
    ]
    gone = [
        "results/train/tweet-ner/minilm/full/seed-7/run.json",
        "results/train/tweet-ner/minilm/old/seed-0/run.json",
        "results/search/old/minilm/full/best.json",
        "results/ensemble/tweet-ner/minilm/old/members.json",
        "results/fetch/data/old.json",
    ]
    for name in (*kept, *gone):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}")
    handover.prune(checked, plan)
    assert [name for name in kept if not Path(name).exists()] == []
    assert [name for name in gone if Path(name).exists()] == []
    assert not Path("results/search/old").exists()
