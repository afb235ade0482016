"""The estimate of the tiny experiment, measured on this machine for as short a time as it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuneproof import params
from tuneproof.preflight import run
from tuneproof.preflight.budget import suggest

ROOT = Path(__file__).parents[2]


def test_plan_of_the_tiny_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tiny = params.load("experiments/tiny.yaml").model_copy(update={"results": "results/experiments/not-there"})
    monkeypatch.setattr(run, "up_to_date", lambda configfile: frozenset())
    found = run.run(tiny, configfile=None, cores=1, seconds=0, budget=None, cache=Path("data"))
    assert found.jobs == found.left.jobs == 7 * 3
    assert found.left.fits == 7 * (2 + 2)
    assert 0 < found.left.seconds <= found.left.most
    assert found.left.memory_mb > 100
    assert found.left.disk_bytes > 4 * 22e6 * 4  # four fully tuned models
    assert len(found.guessed) == 6  # one cell was measured
    assert found.as_json()["jobs_left"] == 21


def test_cuts_go_from_mild_to_hard() -> None:
    experiment = params.load(ROOT / "params.yaml")

    def seconds(some: params.Params) -> float:
        return some.search.trials * 10 + len(some.seeds) * 10 + 5.0 * len(some.methods) + 100 * ("full" in some.methods)

    assert suggest(experiment, seconds, budget=1e9) == []
    cuts = suggest(experiment, seconds, budget=120)
    assert [cut.change for cut in cuts] == ["search.trials: 4", "search.trials: 3", "leave out method full"]
    assert cuts[-1].seconds == seconds(experiment) - 20 - 105
    assert len(suggest(experiment, seconds, budget=0)) == 2 + len(experiment.methods) - 2
