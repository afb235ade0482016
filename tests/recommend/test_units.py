"""Sizes and times as people type them."""

from __future__ import annotations

import pytest

from tuneproof.errors import TuneproofError
from tuneproof.recommend import units


@pytest.mark.parametrize(
    ("text", "expected"), [("20ms", 0.02), ("90s", 90), ("30min", 1800), ("1.5 h", 5400), ("1d", 86400)]
)
def test_times(text, expected):
    assert units.seconds(text, "--x") == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [("4GiB", 4294.967296), ("500MB", 500), ("1 TB", 1e6)])
def test_sizes(text, expected):
    assert units.megabytes(text, "--x") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["4", "GiB", "4Gi", "-1s", "0s", "", "1e3s"])
def test_a_mistake_is_one_line_that_names_the_option(text):
    with pytest.raises(TuneproofError, match=r"--max-x: found .* allowed: a number above 0 and one of"):
        units.seconds(text, "--max-x")
