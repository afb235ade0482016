"""Snakemake's own report, filled with captions, categories and labels; and the last lines of a run."""

from __future__ import annotations


def test_snakemake_report_holds_captions_figures_and_labels(finished, tmp_path):
    page = tmp_path / "snakemake.html"
    finished.run("snakemake", "--report", str(page))
    text = page.read_text().replace("\\n", " ")
    for told in (
        "Which way of fine-tuning a pre-trained model is best for these data",  # workflow.rst
        "cannot be told apart",  # leaderboard.rst
        "Every score of every method on one data set",  # scores.rst
        "scores-movie-sentiment-minilm",  # a figure's label
        "model card tweet-ner-minilm",
        "learning curves",
    ):
        assert told in text
