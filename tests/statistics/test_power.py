"""How many seeds and rows: the parts of the noise are found again, and what is said to be enough is enough."""

from __future__ import annotations

import numpy as np
import pytest

from tuneproof import statistics
from tuneproof.statistics import power
from tuneproof.tasks.base import Score

MEAN = Score(lambda gold, predicted: np.zeros((0, 2)), lambda sums: sums[..., 0] / sums[..., 1])


def measured(values: np.ndarray, counts: np.ndarray) -> statistics.Measured:
    """Measure a mean; `values` is runs × rows."""
    runs = [np.stack([run, np.ones_like(run)], axis=1) for run in values]
    return statistics.measure(MEAN, runs, counts, seeds=range(len(values)))


def drawn(generator, *, effect, rows, seeds, row_sd, seed_sd, both_sd):
    """Differences runs × rows of two methods with a known true difference and known noise."""
    return (
        effect
        + generator.normal(0, row_sd, rows)
        + generator.normal(0, seed_sd, (seeds, 1))
        + generator.normal(0, both_sd, (seeds, rows))
    )


def compare(values, counts, confidence=0.95):
    zero = measured(np.zeros_like(values), counts)
    return statistics.difference(measured(values, counts), zero, confidence=confidence), zero


def test_the_parts_of_the_noise_are_found_again():
    generator, found = np.random.default_rng(0), []
    counts = statistics.resamples(300, 300, seed=0)
    for _ in range(60):
        values = drawn(generator, effect=0, rows=300, seeds=4, row_sd=1.0, seed_sd=0.3, both_sd=0.8)
        found.append(power.parts(measured(values, counts), measured(np.zeros_like(values), counts)))
    rows, seeds, both = np.mean(found, axis=0)
    assert rows == pytest.approx(1.0, rel=0.1)
    assert seeds == pytest.approx(0.09, rel=0.25)
    assert both == pytest.approx(0.64, rel=0.1)


def test_at_the_numbers_of_the_experiment_it_is_the_detectable_difference():
    values = drawn(np.random.default_rng(1), effect=0.2, rows=200, seeds=3, row_sd=1, seed_sd=0.4, both_sd=0.5)
    got, zero = compare(values, counts := statistics.resamples(200, 400, seed=0))
    parts = power.parts(measured(values, counts), zero)
    assert parts.detectable(200, 3) == pytest.approx(got.detectable)
    assert parts.detectable(200, 3, 0.99) == pytest.approx(compare(values, counts, 0.99)[0].detectable)


def test_needed_is_the_least_number_that_is_enough():
    parts = power.Parts(rows=0.15, seeds=2e-4, both=0.02)
    got = power.needed(parts, 0.06, rows=400, seeds=3)
    assert parts.detectable(400, got.seeds) <= 0.06 < parts.detectable(400, got.seeds - 1)
    assert parts.detectable(got.rows, 3) <= 0.06 < parts.detectable(got.rows - 1, 3)
    assert got == power.needed(parts, -0.06, rows=400, seeds=3)


def test_what_no_number_reaches_is_said():
    rows_matter = power.needed(power.Parts(rows=0.2, seeds=0, both=0), 0.001, rows=100, seeds=3)
    assert rows_matter.seeds is None
    assert rows_matter.note == "even 1,000 seeds would not show this difference on 100 rows"
    seeds_matter = power.needed(power.Parts(rows=0.2, seeds=0.01, both=0), 0.01, rows=100, seeds=3)
    assert seeds_matter.rows is None
    assert "even 10,000,000 rows would not show this difference with 3 seeds" in seeds_matter.note
    assert power.needed(power.Parts(0.1, 0.1, 0.1), 0.0, rows=9, seeds=3).note.startswith("no number")


@pytest.mark.parametrize(("rows", "seeds"), [(1, 3), (50, 1)])
def test_one_row_or_one_seed_has_no_parts(rows, seeds):
    values = np.random.default_rng(0).normal(size=(seeds, rows))
    counts = statistics.resamples(rows, 100, seed=0)
    assert power.parts(measured(values, counts), measured(np.zeros_like(values), counts)) is None


def share_found(*, experiments, generator, rows, seeds, **noise):
    """Share of experiments with a known difference in which it is found at 5 %."""
    counts = statistics.resamples(rows, 200, seed=0)
    zero = measured(np.zeros((seeds, rows)), counts)
    found = 0
    for _ in range(experiments):
        values = drawn(generator, rows=rows, seeds=seeds, **noise)
        found += statistics.difference(measured(values, counts), zero).p < 0.05
    return found / experiments


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row_sd", "seed_sd", "both_sd"), [(0.4, 0.0, 0.2), (0.4, 0.02, 0.2), (0.3, 0.04, 0.3), (0.2, 0.06, 0.1)]
)
@pytest.mark.parametrize("way", ["as it is", "more seeds", "more rows"])
def test_a_known_difference_is_found_as_often_as_promised(row_sd, seed_sd, both_sd, way):
    """80 % at the detectable difference; and 80 % of half that difference with the seeds or rows that are asked for."""
    parts = power.Parts(row_sd**2, seed_sd**2, both_sd**2)
    rows, seeds = 400, 5
    effect = parts.detectable(rows, seeds)
    if way != "as it is":
        asked = power.needed(parts, effect / 1.3, rows=rows, seeds=seeds)
        effect /= 1.3
        rows, seeds = (rows, asked.seeds) if way == "more seeds" else (asked.rows, seeds)
        if rows is None or seeds is None or rows * seeds > 60_000:
            pytest.skip("this kind of noise does not go away so")
    noise = {"row_sd": row_sd, "seed_sd": seed_sd, "both_sd": both_sd}
    found = share_found(
        experiments=1500, generator=np.random.default_rng(7), rows=rows, seeds=seeds, effect=effect, **noise
    )
    print(f"{way}: noise {noise}, {rows} rows, {seeds} seeds, difference {effect:.4f}: found in {found:.1%}")
    assert 0.74 <= found <= 0.9
