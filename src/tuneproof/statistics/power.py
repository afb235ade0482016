"""How many seeds or test rows it takes to tell two methods apart.

The noise of a difference of two methods comes from three sides: rows (a row suits one of them), seeds (a seed is lucky
for one of them), and both together (a run answers a row by chance). The first shrinks with more rows, the second with
more seeds, the third with either; the parts found in one experiment thus say what another one would show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tuneproof.statistics import Measured, _few, _Noise, _pair

MOST_SEEDS = 1000
MOST_ROWS = 10_000_000


class Parts(NamedTuple):
    """Variances of a − b: of one row, of one seed, and of one answer (row and seed together)."""

    rows: float
    seeds: float
    both: float

    def noise(self, rows: int, seeds: int) -> _Noise:
        """Standard errors of the mean difference over so many rows and seeds."""
        over_rows = math.sqrt((self.rows + self.both / seeds) / rows)
        over_seeds = math.sqrt((self.seeds + self.both / rows) / seeds) if seeds > 1 else 0.0
        return _Noise(over_rows, over_rows, over_seeds, rows, seeds)

    def detectable(self, rows: int, seeds: int, confidence: float = 0.95) -> float:
        """The smallest true difference that so many rows and seeds show in 80 % of experiments."""
        noise = self.noise(rows, seeds)
        return noise.detectable(confidence) if noise.below or noise.seeds else 0.0


class Needed(NamedTuple):
    """The least number that finds a difference with 80 % power, the other number as it is; None: `note` says why."""

    seeds: int | None
    rows: int | None
    note: str = ""


def parts(a: Measured, b: Measured) -> Parts | None:
    """The parts of the noise of a − b, from the resamples; None where they are not defined (NaN, one row, one seed).

    With k seeds, Var(mean over seeds) over rows is rows + both ÷ k, the mean of the seeds' own is rows + both; the
    variance of the seeds' means is seeds + both ÷ n. A part that comes out below zero is zero.
    """
    import numpy as np

    paired = _pair(a, b)
    if paired is None or paired.rows < 2 or len(paired.observed) < 2 or np.isnan(paired.observed).any():
        return None
    resampled = paired.resampled[~np.isnan(paired.resampled).any(axis=1)]
    if len(resampled) < max(2, len(paired.resampled) / 2):
        return None
    k, n = len(paired.observed), paired.rows
    few = _few(n) ** 2 * n
    joint = few * float(resampled.mean(axis=1).var(ddof=1))
    alone = few * float(resampled.var(axis=0, ddof=1).mean())
    both = max(0.0, (alone - joint) * k / (k - 1))
    both = min(both, k * joint)  # no part is negative
    return Parts(
        rows=joint - both / k,
        seeds=max(0.0, float(paired.observed.var(ddof=1)) - both / n),
        both=both,
    )


def needed(found: Parts, value: float, *, rows: int, seeds: int, confidence: float = 0.95) -> Needed:
    """Seeds (at these rows) and rows (at these seeds) that show a true difference of `value` with 80 % power."""
    if not value:
        return Needed(None, None, "no number of seeds or rows shows a difference of zero")
    wanted = abs(value)
    more_seeds = _least(lambda k: found.detectable(rows, k, confidence) <= wanted, 2, MOST_SEEDS)
    more_rows = _least(lambda n: found.detectable(n, seeds, confidence) <= wanted, 2, MOST_ROWS)
    notes = []
    if more_seeds is None:
        notes.append(f"even {MOST_SEEDS:,} seeds would not show this difference on {rows} rows")
    if more_rows is None:
        notes.append(f"even {MOST_ROWS:,} rows would not show this difference with {seeds} seeds")
    return Needed(more_seeds, more_rows, "; ".join(notes))


def _least(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The least number from `low` to `high` that is enough.

    Not by bisection alone: where seeds weigh most, a little less noise over rows can widen the interval (its t quantile
    moves towards that of the seeds), so that what is enough need not stay enough.
    """
    below = low
    for tried in _rising(low, high):
        if enough(tried):
            while below < tried:
                middle = (below + tried) // 2
                below, tried = (below, middle) if enough(middle) else (middle + 1, tried)
            return tried
        below = tried + 1
    return None


def _rising(low: int, high: int) -> Iterator[int]:
    """Numbers in steps of about a twentieth."""
    number = low
    while number < high:
        yield number
        number = max(number + 1, number * 21 // 20)
    yield high
