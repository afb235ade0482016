"""`tuneproof recommend`."""

from __future__ import annotations

import json
import re

from tuneproof import tunings
from tuneproof.recommend import prior
from tuneproof.report import tables


def test_names_the_method_that_the_verdict_names_where_no_ensemble_stands_in_between(results, typed):
    """One rule for the page's sentence and for the recommendation."""
    settings = json.loads((results / "settings" / "report.json").read_text())
    settings["ensembles"] = []
    (results / "settings" / "report.json").write_text(json.dumps(settings))
    code, out, err = typed("recommend", "--results", results, "--json")
    assert (code, err) == (0, "")
    answers = json.loads(out)
    panels = tables.panels(settings, tables.Results(results))
    assert [answer["dataset"] for answer in answers] == ["movie", "tweets"]
    for panel, answer in zip(panels, answers, strict=True):
        sentence = str(tables.verdict(panel, confidence=0.95).sentence)
        assert answer["answer"] == "use"
        assert sentence.startswith(f"{answer['best']} is ahead")
        named = re.search(r"cheapest of these[^:]*: ([a-z0-9-]+) \(", sentence)
        assert answer["method"] == (named[1] if named else answer["best"])
        assert answer["command"].startswith(f"tuneproof fit --method {answer['method']} --dataset {panel.dataset}")


def test_limits_count_and_are_told(results, typed):
    code, out, _ = typed("recommend", "--results", results, "--dataset", "movie", "--max-train-time", "30s")
    assert code == 0
    assert re.match(r"movie · tiny: use (bitfit|ia3) \(accuracy 0\.\d{3} \[0\.\d{3}–0\.\d{3}\], 2\d\.?\d* s", out)
    outside = next(line for line in out.splitlines() if "Outside" in line)
    board = tables.leaderboard(
        tables.panels(json.loads((results / "settings/report.json").read_text()), tables.Results(results))
    )
    mine = board.query("dataset == 'movie' and kind == 'method'")
    slow = mine[mine["train_seconds"] > 30]
    assert 0 < len(slow) < len(mine)
    for method, seconds in zip(slow["method"], slow["train_seconds"], strict=True):
        assert f"{method} (training time {seconds:.3g} s)" in outside
    assert outside.count("training time") == len(slow)
    code, out, _ = typed("recommend", "--results", results, "--dataset", "movie", "--min-score", "0.99")
    assert code == 1
    assert "nothing is within the limits" in out


def test_latency_that_was_not_measured_is_a_clear_line(results, typed):
    for path in results.rglob("cost.json"):
        content = json.loads(path.read_text())
        content.pop("predict_seconds", None)
        path.write_text(json.dumps(content))
    code, _, err = typed("recommend", "--results", results, "--max-latency", "20ms")
    assert code == 1
    assert err == "error: --max-latency: movie/tiny: the latency was not measured\n"


def test_without_results_it_points_to_what_is_published(tmp_path, typed):
    code, out, _ = typed("recommend", "--results", tmp_path)
    assert code == 1
    assert "recommend --prior" in out
    code, out, _ = typed("recommend", "--prior", "--results", tmp_path)
    assert code == 0
    for finding in prior.FINDINGS:
        assert finding.source in out


def test_what_is_published_names_methods_of_this_project_and_papers():
    known = set(tunings.TUNINGS)
    for finding in prior.FINDINGS:
        assert set(finding.tries) <= known
        assert re.search(r"\d{4}, arXiv \d{4}\.\d{5}$", finding.source)


def test_latency_of_one_text_alone_counts_where_every_method_has_it(results, typed):
    where = ("recommend", "--results", results, "--dataset", "movie", "--max-latency", "15ms")
    board = ("full", "lora", "adapter", "bitfit", "probe", "ia3", "fgm")
    for place, method in enumerate(board):
        path = results / "challenge" / "movie" / "tiny" / method / "cost.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"latency_ms": {"1": 10.0 + place, "32": 99.0}}))
    code, out, _ = typed(*where)
    assert code == 0
    assert "milliseconds that one text alone takes" in out
    outside = next(line for line in out.splitlines() if "Outside" in line)
    assert outside.count("latency") == 1  # 10, 11, … 16 ms
    assert "fgm (latency 16 ms)" in outside
    path.unlink()
    _, out, _ = typed(*where)
    assert "of the predictions that training made in batches" in out
