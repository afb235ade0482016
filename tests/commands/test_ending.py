"""The last lines of a run."""

from __future__ import annotations

import os

from tuneproof import files
from tuneproof.recommend import ending
from tuneproof.report import tables


def test_the_verdicts_and_the_page_where_the_run_made_it(write_results):
    settings, results = write_results()
    files.write_json(results / "settings" / "report.json", settings)
    page = results / "report" / "index.html"
    assert ending.lines(results, since=0) == []  # no page: the run was a part of an experiment
    files.write_text(page, "x")
    os.utime(page, (1000, 1000))
    assert ending.lines(results, since=2000) == []  # an older run's
    told = ending.lines(results, since=500)
    panels = tables.panels(settings, tables.Results(results))
    assert told[:-1] == [f"{p.dataset}/{p.model}: {tables.verdict(p, confidence=0.95).sentence}" for p in panels]
    assert str(page) in told[-1]
    assert f"tuneproof show --results {results}" in told[-1]
