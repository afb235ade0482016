"""`tuneproof import-results`: peft's field names, intervals, and ours beside them."""

from __future__ import annotations

import json
import math

import pytest

from tuneproof import files, imported
from tuneproof.errors import DataError


def run(experiment="lora/llama-rank32", accuracy=0.42, seed=0, peft_type="LORA", status="success"):
    """One run, written by hand in the field names of peft's method_comparison."""
    return {
        "run_info": {
            "created_at": "2025-06-19T19:48:53+00:00",
            "total_time": 1918.2,
            "experiment_name": experiment,
            "peft_branch": "main",
            "train_config": {"model_id": "meta-llama/Llama-3.2-3B", "seed": seed, "max_steps": 5000},
            "peft_config": None if peft_type is None else {"peft_type": peft_type, "r": 32},
        },
        "train_info": {
            "accelerator_memory_reserved_avg": 12_000_000_000,
            "accelerator_memory_max": 22_500_000_000,
            "accelerator_memory_reserved_99th": 18_000_000_000,
            "train_time": 1800.5,
            "file_size": 36_700_000,
            "status": status,
            "metrics": [
                {"step": 250, "valid accuracy": 0.3},
                {"step": 5000, "test accuracy": accuracy, "train loss": 0.6, "train samples": 20000},
            ],
        },
        "meta_info": {"package_info": {"peft-version": "0.18.0"}, "system_info": {}},
    }


def test_a_run_and_its_interval_over_test_rows(tmp_path, typed):
    files.write_json(tmp_path / "lora.json", run())
    files.write_json(tmp_path / "full.json", run("full-finetuning/llama", 0.5, peft_type=None))
    code, out, err = typed(
        "import-results", tmp_path / "lora.json", tmp_path / "full.json", "--test-rows", "1319", "--json"
    )
    assert (code, err) == (0, "")
    full, lora = json.loads(out)["imported"]  # best first
    assert (full["method"], lora["method"]) == ("full-finetuning", "lora")
    assert (lora["train_seconds"], lora["peak_memory_mb"], lora["checkpoint_mb"]) == (1800.5, 22500.0, 36.7)
    n, p, z = 1319, 0.42, 1.959963984540054  # Wilson's formula
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert (lora["low"], lora["high"]) == pytest.approx((centre - half, centre + half))


def test_several_seeds_give_an_interval_over_seeds(tmp_path):
    files.write_json(tmp_path / "a.json", [run(accuracy=a, seed=i) for i, a in enumerate((0.40, 0.42, 0.47))])
    (entry,) = imported.together(imported.read(tmp_path / "a.json"), test_rows=None, confidence=0.95)
    assert (entry.runs, entry.value) == (3, pytest.approx(0.43))
    assert entry.seed_sd == pytest.approx(0.0360555)
    assert entry.low == pytest.approx(0.43 - 4.302653 * 0.0360555 / math.sqrt(3), abs=1e-6)  # t, 2 degrees of freedom
    assert entry.note == "interval over 3 seeds (t), not over test rows"


def test_one_run_without_the_number_of_rows_has_no_interval(tmp_path, typed):
    files.write_json(tmp_path / "a.json", run())
    code, out, _ = typed("import-results", tmp_path / "a.json")
    assert code == 0
    assert "no interval: one run, and the file does not state the test rows (--test-rows)" in out
    assert "lora/llama-rank32" in out


def test_ours_beside_them(tmp_path, typed, results):
    files.write_json(tmp_path / "a.json", run(accuracy=0.8))
    where = ("import-results", tmp_path / "a.json", "--results", results, "--test-rows", "400")
    code, out, _ = typed(*where, "--dataset", "movie")
    assert code == 0
    assert "ours" in out
    assert "elsewhere" in out
    assert "no test compares them" in out
    _, out, _ = typed(*where, "--dataset", "movie", "--json")
    ours = json.loads(out)["ours"]
    assert len(ours) == 8
    assert all(entry["low"] < entry["value"] < entry["high"] for entry in ours)
    code, _, err = typed(*where, "--dataset", "mvoie")
    assert code == 1
    assert "found 'mvoie'" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "run 1: run_info: found nothing; allowed: dict"),
        ([run(), 3], "run 2: run_info: found nothing"),
        (run(accuracy=42), "'test accuracy': found 42; allowed: 0 to 1"),
        (run(accuracy=True), "'test accuracy': found True"),
        (run(status="failed"), "no run with train_info.status success"),
    ],
)
def test_a_file_that_is_none_of_peft_s_is_one_line(tmp_path, content, told):
    files.write_json(tmp_path / "a.json", content)
    with pytest.raises(DataError) as error:
        imported.read(tmp_path / "a.json")
    assert told in str(error.value)


def test_a_seed_that_stands_twice_is_a_mistake(tmp_path):
    files.write_json(tmp_path / "a.json", [run(), run()])
    with pytest.raises(DataError, match="found seed 0 twice"):
        imported.together(imported.read(tmp_path / "a.json"), test_rows=None, confidence=0.95)
