"""The run's tab compares the estimate with what the run took."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tuneproof.preflight import outcome
from tuneproof.report import run_tab
from tuneproof.report.embed import templates
from tuneproof.report.results import Results

WHOLE = outcome.Outcome(cores=2, jobs=88, whole=True, started=1000.0, estimated=900.0, seconds=893.0)


def page(language: str) -> str:
    results = Path("results")
    found = run_tab.part({"seeds": []}, [], Results(results), run_tab.time_spent(results))
    shown = {"run": found, "settings": SimpleNamespace(models=[]), "sources": [], "rest": None}
    return templates(language).get_template("tabs/run.html").render(**shown)


def test_estimate_and_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "estimated" not in page("en")
    outcome.write(Path("results"), WHOLE)
    assert "88 searches and runs on 2 cores: estimated 15 min." in page("en")
    assert "The run took 14 min 53 s." in page("en")
    assert "15 min" in page("zh")
    monkeypatch.setattr(run_tab.time, "time", lambda: 1065.0)
    outcome.write(Path("results"), WHOLE._replace(seconds=None, estimated=None))
    assert "1 min 05 s had passed when this page was written." in page("en")
    assert "estimated" not in page("en")
