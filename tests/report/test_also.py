"""Markdown, LaTeX, figures and model cards beside the page."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET

import pytest
from huggingface_hub import ModelCard

from tuneproof.recommend.rule import Candidate, choose
from tuneproof.report import also, figures, markdown, tables, text_report, winner


@pytest.fixture
def written(write_results, tmp_path):
    settings, results = write_results()
    found = tables.Results(results)
    panels = tables.panels(settings, found)
    also.write(settings, panels, found, tmp_path / "out")
    return settings, panels, tmp_path / "out"


@pytest.fixture
def judged(write_results):
    """Settings, results and panels of two data sets."""
    settings, results = write_results()
    found = tables.Results(results)
    return settings, found, tables.panels(settings, found)


def test_markdown_has_each_verdict_and_each_row_of_the_leaderboard(judged):
    settings, _, panels = judged
    text = text_report.markdown(settings, panels, confidence=0.95)
    for panel in panels:
        sentence = str(tables.verdict(panel, confidence=0.95).sentence)
        assert sentence in text.replace("\\", "")
        for row in tables.rows(panel.ranked):
            assert f"| {row['method']} | {row['value']:.3f} | {row['low']:.3f}–{row['high']:.3f} |" in text
    assert "mentions: left out: augmentation mention replacement is for ner" in text


def test_latex_rows_have_as_many_cells_as_columns(judged):
    panels = judged[2]
    text = text_report.latex(panels, confidence=0.95)
    bodies = re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(bodies) == len(panels) == 2
    for (align, body), panel in zip(bodies, panels, strict=True):
        assert re.findall(r"\\(\w+rule)", body) == ["toprule", "midrule", "bottomrule"]
        rows = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert len(rows) == 1 + len(panel.ranked)
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(align) - 1
            assert "%" not in row.replace("\\%", "")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & 50% #1 $x$ {y}", r"a\_b \& 50\% \#1 \$x\$ \{y\}"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("0.1–0.2\n<x>", r"0.1--0.2 \textless{}x\textgreater{}"),
        ("\x1b[31m", "\ufffd[31m"),
    ],
)
def test_special_characters_of_latex(text, latex):
    assert markdown.latex(text) == latex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("a | b `c` *d* [e](f)", r"a \| b \`c\` \*d\* \[e\](f)"),
        ("# no heading", r"\# no heading"),
        ("1. no list", r"1\. no list"),
        ("0.79", "0.79"),
        ("two\nlines", "two lines"),
    ],
)
def test_markup_is_shown_and_not_read(text, expected):
    assert markdown.markdown(text) == expected


def test_code_spans_hold_backticks():
    assert markdown.code("a`b``c") == "``` a`b``c ```"


def test_a_figure_of_each_kind_as_svg_and_png_that_can_be_opened(written):
    _settings, panels, out = written
    kinds = {"scores", "cost-train-time", "parameters", "search", "curves"}
    names = {f"{kind}-{panel.dataset}-{panel.model}" for kind in kinds for panel in panels}
    assert {path.stem for path in (out / "figures").iterdir()} == names
    for path in (out / "figures").glob("*.svg"):
        root = ET.fromstring(path.read_text())
        assert root.tag.endswith("svg")
        assert "currentColor" not in path.read_text()
    for path in (out / "figures").glob("*.png"):
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert min(struct.unpack(">II", head[16:24])) > 200
    text = (out / "figures" / "scores-movie-tiny.svg").read_text()
    for row in tables.rows(panels[0].ranked):
        assert f">{row['method']}<" in text


def test_the_figure_of_scores_draws_the_tables_numbers(judged):
    settings, _, panels = judged
    spec = figures.specifications(settings, panels[0])["scores"]
    over = {row["method"]: row for row in spec["datasets"]["scores"] if row["seed"] is None}
    for row in tables.rows(panels[0].ranked):
        assert over[row["method"]]["value"] == pytest.approx(row["value"])
        assert over[row["method"]]["low"] == pytest.approx(row["low"])
    assert sum(row["seed"] is not None for row in spec["datasets"]["scores"]) == 7 * 3


def test_the_card_names_the_method_of_the_rule_and_is_valid_for_the_hub(judged):
    settings, results, panels = judged
    for panel in panels:
        card = ModelCard(winner.card(settings, panel, results))
        methods = panel.ranked[panel.ranked["kind"] == "method"]
        candidates = [
            Candidate(r["method"], r["value"], r["low"], r["high"], r["train_seconds"]) for r in tables.rows(methods)
        ]
        choice = choose(candidates, tables.rows(panel.comparisons))
        named = next(c for c in candidates if c.method == (choice.cheapest or choice.best))
        assert card.data.model_name == f"{panel.dataset}-{named.method}"
        assert card.data.eval_results[0].metric_value == pytest.approx(named.value)
        assert f"tuneproof fit --method {named.method} --dataset {panel.dataset}" in card.text


def test_equal_results_give_equal_bytes_and_what_is_gone_goes(write_results, tmp_path):
    settings, results = write_results(datasets=("movie", "tweets"))
    for place in ("a", "b"):
        found = tables.Results(results)
        also.write(settings, tables.panels(settings, found), found, tmp_path / place)
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(names) == 2 + 2 + 2 * 5 * 2
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    settings["cells"] = [cell for cell in settings["cells"] if cell[0] == "movie"]
    found = tables.Results(results)
    also.write(settings, tables.panels(settings, found), found, tmp_path / "a")
    assert not list((tmp_path / "a").rglob("*tweets*"))
    assert "tweets" not in (tmp_path / "a" / "report.md").read_text()


def test_nothing_there_yet_is_no_crash(write_results, tmp_path):
    settings, _results = write_results()
    empty = tables.Results(tmp_path / "empty")
    also.write(settings, tables.panels(settings, empty), empty, tmp_path / "out")
    assert "No method has a result yet" in (tmp_path / "out" / "report.md").read_text()
    assert not list((tmp_path / "out" / "figures").iterdir())
