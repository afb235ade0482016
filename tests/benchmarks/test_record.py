"""What `make bench` leaves behind: all targets, each measured or failed with its reason, after every piece."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package benchmarks/, which is not installed, with the modules that are tested here."""
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks.page
    import benchmarks.record
    import benchmarks.step
    import benchmarks.targets

    import benchmarks

    return benchmarks


def record_at(bench: Any, path: Path, *sections: str) -> Any:
    targets = [target for target in bench.targets.TARGETS if target.section in sections]
    about = {"hardware": "a processor", "cores": 2, "versions": {"torch": "2"}, "quick": False}
    return bench.record.Record(path, targets, about)


def test_every_row_of_the_promises_is_a_target(bench: Any) -> None:
    lines = {target.name: target.line(None)["target"] for target in bench.targets.TARGETS}
    assert len(lines) == len(bench.targets.TARGETS)
    for precision, default, best, share in (("fp32", 2.2, 1.25, 0.75), ("bf16", 3.5, 1.2, 0.55)):
        for kind in ("short", "medium"):
            what = f"training step, full, {kind} text, {precision}"
            assert lines[f"{what}: times Trainer's defaults"] == f">= {default}"
            assert lines[f"{what}: times Trainer's best settings"] == f">= {best}"
            assert lines[f"{what}: share of measured peak"] == f">= {share}"
    others = [target for name, target in lines.items() if "full, " not in name]
    assert sorted(others) == sorted(["<= 0.75"] * 10 + [">= 20", ">= 4", "<= 0", ">= 0.8", "<= 0.25"]
                                    + ["<= 0.08", "<= 8", "<= 60", "<= 2"] + ["<= 60", "<= 4", ">= 5000"])  # fmt: skip


def test_a_failure_is_shown_and_loses_nothing(bench: Any, tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    found = record_at(bench, path, "probe", "search")
    with found.section("probe"):
        found.meet(bench.targets.PROBE, 25.0)
        on_disk = json.loads(path.read_text())
        assert on_disk["targets"][0]["measured"] == 25.0
        assert on_disk["targets"][1]["failed"] == "not measured yet"
        assert on_disk["complete"] is False
    with found.section("search"):
        with found.part("search", "medium/full"):
            raise RuntimeError("no\nmemory")
        found.meet(bench.targets.WORK, 0.3)
    near, work = found.lines()[1:]
    assert near["met"] is False
    assert near["measured"] is None
    assert near["failed"] == "search/medium/full: no memory"
    assert (work["measured"], work["met"]) == (0.3, False)
    assert found.failed == {"search/medium/full": "no memory"}
    with pytest.raises(KeyError):
        found.meet("no such promise", 1.0)


def test_the_page_shows_targets_and_failures(bench: Any, tmp_path: Path) -> None:
    found = record_at(bench, tmp_path / "latest.json", "step", "probe", "inference")
    speeds = {"tuneproof": 60.0, "trainer": 20.0, "trainer-best": 40.0}
    full = {name: {"examples_per_second": speed, "share_of_peak": 0.7} for name, speed in speeds.items()}
    found.add("step", "fp32/full/medium", full)
    found.add("inference", "fp32/medium", {"tuneproof": 30.0, "pipeline": 20.0, "sentence-transformers": 60.0})
    bench.step._targets(found)
    found.failed["probe/all"] = "a | b"
    page = tmp_path / "page.md"
    page.write_text(f"before\n{bench.page.START}\nold\n{bench.page.END}\nafter\n")
    bench.page.write(found.content(), page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| training step, full, medium text, fp32: times Trainer's defaults | >= 2.2 | 3 | yes |" in text
    assert "| training step, full, medium text, fp32: times Trainer's best settings | >= 1.25 | 1.5 | yes |" in text
    assert "| training step, full, medium text, fp32: share of measured peak | >= 0.75 | 0.7 | **no** |" in text
    assert f"| {bench.targets.PROBE} | >= 20 |  | **failed**: probe/all: a / b |" in text
    assert "| fp32/full/medium | 3.00 | 1.50 | 70% | 70% |" in text
    assert "| fp32/medium | 1.50 | 0.50 |" in text
    with pytest.raises(ValueError, match="marks"):
        bench.page.write(found.content(), ROOT / "README.md")
