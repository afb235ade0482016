"""A method that does not fit the model, through Snakemake, verify and trace."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_a_method_that_cannot_run_is_left_out_and_the_rest_goes_on(copy):
    experiment = copy.params()
    experiment["methods"]["long-prefix"] = {"tuning": {"name": "prefix", "tokens": 500}}
    experiment["ensembles"]["prefixes"] = {"members": ["long-prefix/*"]}
    copy.write(experiment)
    copy.snakemake()
    reason = "500 virtual tokens leave 12 positions for text; needed: 16"
    page = (copy.folder / "results/report/index.html").read_text()
    assert " ".join(page.split()).count(f"<strong>long-prefix</strong>: {reason}") == 2  # two data sets
    assert "long-prefix" not in (copy.folder / "results/report/leaderboard.csv").read_text()
    copy.commit("with a method that does not fit")
    output = copy.run("tuneproof", "verify", "--all")
    assert "all the same" in output
    assert output.count(f"is left out ({reason})") == 4  # two data sets, two seeds
    told = copy.run("tuneproof", "trace", "results/report/leaderboard.csv:tweet-ner/long-prefix/entity_f1", code=1)
    assert reason in told
    assert "up to date" in copy.run("dvc", "status")
    assert copy.jobs() == {}
