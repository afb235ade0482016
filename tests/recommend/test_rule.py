"""The rule by which a method is recommended."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tuneproof.recommend.rule import Candidate, Limits, Needed, choose, pareto, recommend


def row(a, b, apart, detectable=0.05, seeds=None, rows=None, note=None):
    needs = {"seeds_needed": seeds, "rows_needed": rows, "needed_note": note}
    return {"a": a, "b": b, "distinguishable": apart, "detectable": detectable, **needs}


CANDIDATES = [
    Candidate("full", 0.80, 0.77, 0.83, train_seconds=100, peak_memory_mb=4000, latency_ms=10),
    Candidate("lora", 0.79, 0.76, 0.82, train_seconds=60, peak_memory_mb=2000, latency_ms=11),
    Candidate("noisy", 0.60, 0.40, 0.80, train_seconds=10, peak_memory_mb=2000, latency_ms=10),
    Candidate("probe", 0.58, 0.56, 0.60, train_seconds=1, peak_memory_mb=500, latency_ms=9),
]
COMPARISONS = [
    row("full", "lora", False, 0.04, seeds=40, rows=9000),
    row("full", "noisy", False, 0.30),
    row("full", "probe", True, 0.04),
    row("lora", "noisy", False, 0.30),
    row("lora", "probe", True, 0.05),
    row("noisy", "probe", False, 0.30),
]


def test_the_cheapest_of_those_near_the_best_and_not_a_noisy_one_far_behind():
    choice = choose(CANDIDATES, COMPARISONS)
    assert choice.best == "full"
    assert choice.rivals == ["lora", "noisy"]
    assert choice.detectable == 0.04  # the median of 0.04, 0.30 and 0.04
    assert choice.near == ["full", "lora"]
    assert choice.cheapest == "lora"
    found = recommend(CANDIDATES, COMPARISONS, Limits())
    assert (found.answer, found.method) == ("use", "lora")
    assert found.cheaper == ["noisy"]  # not told apart from lora; probe is
    assert found.settle == [Needed("full", "lora", 40, 9000, "")]


def test_without_a_known_difference_every_rival_is_near():
    unknown = [{**entry, "detectable": None} for entry in COMPARISONS]
    assert choose(CANDIDATES, unknown).near == ["full", "lora", "noisy"]
    not_a_number = [{**entry, "detectable": float("nan")} for entry in COMPARISONS]
    assert choose(CANDIDATES, not_a_number).near == ["full", "lora", "noisy"]


@pytest.mark.parametrize(
    ("limits", "method", "outside"),
    [
        (Limits(max_memory_mb=3000), "lora", {"full": ["peak_memory_mb"]}),
        (Limits(max_train_seconds=60), "lora", {"full": ["train_seconds"]}),
        (Limits(max_latency_ms=10), "full", {"lora": ["latency_ms"]}),
        (
            Limits(max_train_seconds=5, min_score=0.5),
            "probe",
            {n: ["train_seconds"] for n in ("full", "lora", "noisy")},
        ),
        (Limits(min_score=0.795), "full", {n: ["score"] for n in ("lora", "noisy", "probe")}),
    ],
)
def test_limits_leave_out_what_breaks_them(limits, method, outside):
    found = recommend(CANDIDATES, COMPARISONS, limits)
    assert (found.answer, found.method, found.outside) == ("use", method, outside)


def test_a_cost_that_is_not_known_breaks_its_limit_and_no_other():
    candidates = [CANDIDATES[0]._replace(latency_ms=None), CANDIDATES[1]]
    assert recommend(candidates, COMPARISONS, Limits(max_latency_ms=99)).outside == {"full": ["latency_ms"]}
    assert recommend(candidates, COMPARISONS, Limits(max_memory_mb=9999)).outside == {}


def test_a_score_asked_for_that_an_interval_reaches_over_cannot_be_told():
    found = recommend(CANDIDATES, COMPARISONS, Limits(min_score=0.82))
    assert (found.answer, found.method) == ("cannot tell", "full")
    assert recommend(CANDIDATES, COMPARISONS, Limits(min_score=0.84)).answer == "nothing fits"
    told = recommend(CANDIDATES, COMPARISONS, Limits(min_score=0.78))  # lora's interval starts at 0.76
    assert told.method == "lora"
    assert "below the score" in told.why[0]


def test_what_was_not_compared_or_not_timed_cannot_be_told():
    assert recommend(CANDIDATES, [], Limits()).answer == "cannot tell"
    untimed = [candidate._replace(train_seconds=None) for candidate in CANDIDATES]
    found = recommend(untimed, COMPARISONS, Limits())
    assert (found.answer, found.method) == ("cannot tell", "full")


def test_the_pareto_front_is_what_no_other_beats():
    generator = np.random.default_rng(3)
    points = generator.integers(0, 12, size=(40, 3))  # with ties
    candidates = [
        Candidate(str(i), float(v), train_seconds=float(t), peak_memory_mb=float(m))
        for i, (v, t, m) in enumerate(points)
    ]
    beaten = {
        b.method
        for a, b in itertools.permutations(candidates, 2)
        if a.value >= b.value
        and a.train_seconds <= b.train_seconds
        and a.peak_memory_mb <= b.peak_memory_mb
        and (a.value, a.train_seconds, a.peak_memory_mb) != (b.value, b.train_seconds, b.peak_memory_mb)
    }
    front = pareto(candidates, ["train_seconds", "peak_memory_mb"])
    assert set(front) == {candidate.method for candidate in candidates} - beaten
    assert 1 < len(front) < 40
    values = {candidate.method: candidate.value for candidate in candidates}
    assert [values[name] for name in front] == sorted((values[name] for name in front), reverse=True)
