"""A recommendation in words."""

from __future__ import annotations

from tuneproof.recommend import words
from tuneproof.recommend.rule import Candidate, Limits, recommend


def test_long_lists_are_cut_and_say_so():
    slow = [Candidate(f"slow-{place}", 0.9, train_seconds=100.0 + place) for place in range(11)]
    candidates = [Candidate("quick", 0.8, train_seconds=1.0), *slow]
    found = recommend(candidates, [], Limits(max_train_seconds=10))
    told = words.lines("toy", "tiny", "accuracy", candidates, found, ensembles=[], command=None)
    outside = next(line for line in told if "Outside" in line)
    assert outside.startswith("  Outside the limits: slow-0 (training time 1.67 min), ")
    assert outside.count("slow-") == 8
    assert outside.endswith(" and 3 more.")
