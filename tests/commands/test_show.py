"""`tuneproof show`."""

from __future__ import annotations

import json

import pandas as pd

from tuneproof.report import tables


def test_verdict_and_every_method_with_its_interval(results, typed):
    code, out, err = typed("show", "--results", results, "--dataset", "movie")
    assert (code, err) == (0, "")
    settings = json.loads((results / "settings" / "report.json").read_text())
    panel = tables.panels(settings, tables.Results(results))[0]
    flat = " ".join(out.split())
    assert str(tables.verdict(panel, confidence=0.95).sentence) in flat
    scores = pd.read_csv(results / "evaluate" / "movie" / "tiny" / "scores.csv", keep_default_na=False)
    mine = scores.query("split == 'test' and score == 'accuracy' and seed == ''")
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert len(mine) == 8  # seven methods and an ensemble
    for entry in mine.to_dict("records"):
        value, low, high = (float(entry[name]) for name in ("value", "low", "high"))
        assert f"{value:.3f}   {low:.3f}–{high:.3f}" in lines[entry["method"]]
    assert "tweets" not in out


def test_a_pipe_gets_no_colour_and_a_narrow_terminal_no_long_line(results, typed, monkeypatch):
    _, piped, _ = typed("show", "--results", results)
    assert "\x1b" not in piped
    assert "memory" in piped
    monkeypatch.setenv("COLUMNS", "44")
    _, narrow, _ = typed("show", "--results", results)
    assert max(map(len, narrow.splitlines())) <= 44
    assert "memory" not in narrow
    assert "lora" in narrow


def test_no_colour_where_the_environment_says_so(results, typed, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    _, coloured, _ = typed("show", "--results", results)
    assert "\x1b[" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    _, plain, _ = typed("show", "--results", results)
    assert "\x1b[3" not in plain  # bold may stay: it is no colour


def test_nothing_there_yet_is_one_line(tmp_path, typed):
    code, out, _ = typed("show", "--results", tmp_path)
    assert code == 0
    assert out == f"{tmp_path}: no results yet; run: snakemake --cores all\n"


def test_an_unknown_data_set_is_a_mistake(results, typed):
    code, _, err = typed("show", "--results", results, "--dataset", "mvoie")
    assert code == 1
    assert err == "error: --dataset: found 'mvoie'; allowed: movie, tweets\n"


def test_only_the_best_are_shown_where_asked(results, typed):
    _, whole, _ = typed("show", "--results", results, "--dataset", "movie")
    code, out, _ = typed("show", "--results", results, "--dataset", "movie", "--top", "2")
    assert code == 0
    rows = whole.split("─\n")[1].splitlines()
    assert out.split("─\n")[1].splitlines() == [*rows[:2], "… and 6 more"]
