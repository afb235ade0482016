"""How sure a score is, and which methods differ: intervals, paired tests, Holm, letters.

Works on arrays alone and reads no file. Chance enters a comparison in two ways, and both are counted: other test rows
could have been drawn (bootstrap over examples), and other seeds could have been trained (t distribution over seeds).
Whatever cannot be computed comes back as NaN with a `note` that says why; few or odd rows raise nothing.

Why seeds are not simply resampled like examples: three seeds drawn with replacement have ten possible means and two
thirds of the true variance, so that the plain hierarchical bootstrap calls more than one in five equal pairs different
(tests/statistics has the simulation). Here the standard errors of both levels are joined by the rule of Cochran & Cox
(1950, Experimental Designs), each with the t quantile of its own degrees of freedom, which keeps the level at any
number of seeds. Noise that seeds and examples share counts twice, as in Owen's pigeonhole bootstrap (2007, Annals of
Applied Statistics 1:386): the tests are a little too careful, never too bold.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from tuneproof.tasks.base import Score

CHUNK = 1 << 22
"""Weights (resamples × rows) that are held as floats at a time: 32 MiB."""
POWER = 0.8
"""A difference is called detectable if it is found in this share of experiments: the convention of Cohen (1988)."""
TANGLED = 200
"""Groups of methods on the way to letters; more will not end in few."""


class Measured(NamedTuple):
    """A score of one method: on the test rows, and on every resample of them.

    `observed` has one value a run, `resampled` is resamples × runs. `seeds` names the runs; it is None for one fixed
    set of predictions that has no seed of its own (an ensemble). `reasons` has a text for each run whose score is not
    defined, and may be empty where nothing is known.
    """

    observed: np.ndarray
    resampled: np.ndarray
    rows: int
    seeds: tuple[int, ...] | None = None
    reasons: tuple[str, ...] = ()


class Interval(NamedTuple):
    """A value (mean over runs) and the ends of its interval; NaN where `note` says why."""

    value: float
    low: float
    high: float
    note: str = ""


class Difference(NamedTuple):
    """Method a minus method b: interval and two-sided p in [0, 1]; NaN where `note` says why.

    `detectable` is the smallest true difference that a comparison as noisy as this one finds with 80 % power.
    """

    value: float
    low: float
    high: float
    p: float
    detectable: float
    note: str = ""


class Test(NamedTuple):
    """A two-sided p in [0, 1]; NaN where `note` says why."""

    p: float
    note: str = ""


# resampling


def resamples(rows: int, count: int, *, seed: int) -> np.ndarray:
    """How often each row is drawn in each resample (count × rows, uint8; every line sums to `rows`).

    One such array serves all methods of a data set: that is what pairs them over examples. Equal arguments give equal
    arrays. A count is Poisson with mean 1, so that 255 is never reached.
    """
    import numpy as np

    counts = np.zeros((count, rows), dtype=np.uint8)
    if rows == 0:
        return counts
    generator = np.random.default_rng(seed)
    for part in _parts(counts):
        lines = len(part)
        drawn = generator.integers(rows, size=(lines, rows)) + rows * np.arange(lines)[:, None]
        part[:] = np.bincount(drawn.ravel(), minlength=lines * rows).reshape(lines, rows)
    return counts


def weights(counts: np.ndarray) -> np.ndarray:
    """`resamples` as floats where they fit into a chunk, so that they are not made anew for each score; else as is."""
    return counts.astype("float64") if counts.size <= CHUNK else counts


def measure(
    score: Score,
    runs: Sequence[np.ndarray],
    counts: np.ndarray,
    *,
    seeds: Sequence[int] | None = None,
    reasons: Sequence[str] = (),
) -> Measured:
    """Score every run on the rows as they are and on every resample.

    `runs` has one array of rows × statistics a run (`Score.statistics`); `counts` comes from `resamples` (or `weights`
    of it). A resample is one matrix product. A run with a NaN among its statistics scores NaN, even where `combine`
    would hide it.
    """
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):  # an undefined score is NaN, and NaN gets a note below
        one = np.ones((1, counts.shape[1]))
        observed = np.array([_scored(score, one, statistics)[0] for statistics in runs], dtype=np.float64)
        observed[[run for run, statistics in enumerate(runs) if np.isnan(statistics).any()]] = np.nan
        resampled = np.empty((len(counts), len(runs)))
        for part, into in zip(_parts(counts), _parts(resampled, lines=_lines(counts)), strict=True):
            drawn = part.astype(np.float64, copy=False)
            for run, statistics in enumerate(runs):
                into[:, run] = _scored(score, drawn, statistics)
    named = tuple(reasons) if any(reasons) else ()
    return Measured(observed, resampled, counts.shape[1], None if seeds is None else tuple(seeds), named)


def resampled_sums(statistics: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of rows × statistics over every resample (resamples × statistics)."""
    import numpy as np

    return np.concatenate([part.astype(np.float64, copy=False) @ statistics for part in _parts(counts)])


def _scored(score: Score, weights: np.ndarray, statistics: np.ndarray) -> np.ndarray:
    """One score a line of weights."""
    if score.weighted is not None:
        return score.weighted(statistics, weights)
    return score.combine(weights @ statistics)


def _lines(counts: np.ndarray) -> int:
    """How many lines of such an array fit into a chunk."""
    return max(1, CHUNK // max(1, int(counts.shape[1])))


def _parts(array: np.ndarray, *, lines: int | None = None) -> Iterable[np.ndarray]:
    """Views of successive lines, few enough that their weights fit into a chunk."""
    step = lines or _lines(array)
    return (array[start : start + step] for start in range(0, len(array), step))


# intervals and differences


def interval(measured: Measured, *, confidence: float = 0.95) -> Interval:
    """Mean over the runs with its interval: over examples and, from two seeds on, over seeds.

    With one run this is the percentile interval (Efron 1979), widened for few rows as in Hesterberg (2015, The American
    Statistician 69:371): t quantiles, and a variance times n/(n−1). An interval of a score in [0, 1] stays in it.
    """
    import numpy as np

    value = float(measured.observed.mean())
    noise = _noise(measured, percentiles=confidence)
    if isinstance(noise, str):
        return Interval(value, math.nan, math.nan, noise)
    low, high = noise.ends(value, confidence)
    if np.nanmin(measured.resampled) >= 0 and np.nanmax(measured.resampled) <= 1:
        low, high = max(low, 0.0), min(high, 1.0)
    return Interval(value, low, high, _join(noise.note, _one_run(measured)))


def difference(a: Measured, b: Measured, *, confidence: float = 0.95) -> Difference:
    """Mean of a minus mean of b, paired over examples and seeds: bootstrap standard error, t quantiles.

    With one run of a mean score it is the paired t-test, up to the resampling. Both must come from the same `resamples`
    (ValueError where they cannot). Runs are paired by seed; where the seeds differ, those in common count. A method
    without seeds (an ensemble) meets every seed of the other. p is the level whose interval ends at zero, so that
    p < 0.05 exactly where the 95 % interval leaves zero out.
    """
    if a.rows != b.rows or len(a.resampled) != len(b.resampled):
        raise ValueError(f"not the same resamples: {len(a.resampled)} × {a.rows} and {len(b.resampled)} × {b.rows}")
    paired = _pair(a, b)
    if paired is None:
        return Difference(math.nan, math.nan, math.nan, math.nan, math.nan, "not compared: no seed in common")
    value = float(paired.observed.mean())
    noise = _noise(paired)
    if not isinstance(noise, str):
        note = _join(_fewer_seeds(a, b, paired), noise.note, _one_run(paired))
        return Difference(value, *noise.ends(value, confidence), noise.p(value), noise.detectable(confidence), note)
    if noise == SAME_EVERYWHERE and value == 0:
        return Difference(0.0, 0.0, 0.0, 1.0, math.nan, "no difference on any row")
    # if every row favours the same side equally, resamples show no noise; the sign test still knows how many rows spoke
    p = min(1.0, 2 * 0.5**a.rows) if noise == SAME_EVERYWHERE else math.nan
    return Difference(value, math.nan, math.nan, p, math.nan, noise)


SAME_EVERYWHERE = "interval not defined: the same value in every resample"


@lru_cache(maxsize=1 << 14)
def _quantile(freedom: int, share: float) -> float:
    """Of the t distribution. Remembered, as all pairs of methods ask for the same few."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


class _Noise(NamedTuple):
    """Standard errors of a mean over runs: over examples (below and above the value, which may differ) and seeds."""

    below: float
    above: float
    seeds: float
    rows: int
    runs: int
    note: str = ""

    def half(self, level: float, *, below: bool) -> float:
        """Distance from the value to an end of its interval at 1 − `level`: t quantiles weighted by variances."""
        error = self.below if below else self.above
        weighted = -(error**2) * _quantile(self.rows - 1, level / 2)
        if self.seeds:
            weighted -= self.seeds**2 * _quantile(self.runs - 1, level / 2)
        return float(weighted / math.hypot(error, self.seeds))

    def ends(self, value: float, confidence: float) -> tuple[float, float]:
        return value - self.half(1 - confidence, below=True), value + self.half(1 - confidence, below=False)

    def p(self, value: float) -> float:
        """The level at which the interval ends at zero, by bisection on its logarithm (p ≥ 1e-100)."""
        low, high = -100.0, 0.0
        for _ in range(60):
            middle = (low + high) / 2
            if self.half(10**middle, below=value > 0) > abs(value):
                low = middle
            else:
                high = middle
        return float(10**high)

    def detectable(self, confidence: float) -> float:
        """What lies far enough from zero that the interval still leaves zero out in 80 % of experiments."""
        return max(
            self.half(1 - confidence, below=below) + self.half(2 * (1 - POWER), below=below) for below in (True, False)
        )


def _noise(measured: Measured, *, percentiles: float | None = None) -> _Noise | str:
    """Standard errors of the mean over runs; a text where there are none.

    Over examples: the standard deviation of the resampled means; or, where `percentiles` gives a confidence, their
    percentiles, which follow a skewed distribution (a score near 1) but are noisier than a test wants.
    """
    import numpy as np
    from scipy.special import ndtri

    observed, rows = measured.observed, measured.rows
    runs, count = len(observed), len(measured.resampled)
    undefined = int(np.isnan(observed).sum())
    if undefined:
        reasons = ", ".join(dict.fromkeys(reason for reason in measured.reasons if reason))
        if reasons:
            return f"not defined{f' in {undefined} of {runs} runs' if runs > 1 else ''}: {reasons}"
        where = f"{undefined} of {runs} runs" if runs > 1 else "the only run"
        return f"interval not defined: the score is not defined in {where}"
    if rows < 2:
        return f"interval not defined: {'one row' if rows else 'no rows'}"
    value, means = float(observed.mean()), measured.resampled.mean(axis=1)
    means = means[~np.isnan(means)]
    left_out = count - len(means)
    if left_out > count / 2:
        return f"interval not defined: the score is not defined in {left_out} of {count} resamples"
    if percentiles is None:
        below = above = float(means.std(ddof=1))
    else:
        tail = (1 - percentiles) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        below, above = (max(float(half / ndtri(1 - tail)), 0.0) for half in (value - low, high - value))
    seeds = float(observed.std(ddof=1) / math.sqrt(runs)) if runs > 1 else 0.0
    tiny = 1e-12 * max(1.0, abs(value))  # what rounding leaves of zero
    below, above, seeds = (error if error > tiny else 0.0 for error in (below, above, seeds))
    if not (below or above or seeds):
        return SAME_EVERYWHERE
    few = _few(rows)
    note = f"{left_out} of {count} resamples left out: the score is not defined there" if left_out else ""
    return _Noise(few * (below or above), few * (above or below), seeds, rows, runs, note)


def _few(rows: int) -> float:
    """A resample of n rows varies by (n − 1)/n of what n new rows would; this makes up for it."""
    return math.sqrt(rows / (rows - 1))


def places(a: Measured, b: Measured) -> tuple[list[int], list[int]]:
    """Which runs meet: by seed, those in common; what has no seeds meets every run. Empty where no seed is common."""
    if a.seeds is None or b.seeds is None:
        meetings = max(len(a.observed), len(b.observed))
        whole = list(range(meetings))
        return (whole if len(a.observed) > 1 else [0] * meetings), (whole if len(b.observed) > 1 else [0] * meetings)
    common = [seed for seed in a.seeds if seed in b.seeds]
    return [a.seeds.index(seed) for seed in common], [b.seeds.index(seed) for seed in common]


def _pair(a: Measured, b: Measured) -> Measured | None:
    """Differences run by run; None where no seed is in common."""
    i, j = places(a, b)
    if not i:
        return None
    seeds = a.seeds or b.seeds
    named = None if seeds is None else tuple(seeds[place] for place in (i if a.seeds else j))
    reasons = tuple(dict.fromkeys(reason for reason in (*a.reasons, *b.reasons) if reason))
    return Measured(a.observed[i] - b.observed[j], a.resampled[:, i] - b.resampled[:, j], a.rows, named, reasons)


def _fewer_seeds(a: Measured, b: Measured, paired: Measured) -> str:
    most = max(len(a.seeds or ()), len(b.seeds or ()))
    return f"paired over {len(paired.observed)} of {most} seeds" if len(paired.observed) < most else ""


def _one_run(measured: Measured) -> str:
    if len(measured.observed) > 1:
        return ""
    if measured.seeds is None:
        return "one set of predictions: the interval covers the rows, not the seeds"
    return "interval over seeds not defined: one seed, so that it covers the rows alone"


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


# many comparisons


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p: bounds the chance of any false alarm among all. NaN stays NaN and is not counted."""
    from statsmodels.stats.multitest import multipletests

    defined = [value for value in p if not math.isnan(value)]
    adjusted = iter(multipletests(defined, method="holm")[1] if defined else ())
    return [math.nan if math.isnan(value) else float(next(adjusted)) for value in p]


def letters(methods: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Compact letter display: two methods share a letter exactly where they are not in `different`.

    `methods` come best first; the best gets `a`. Insert and absorb (Piepho 2004, Journal of Computational and Graphical
    Statistics 13:456): start with one group, split it at every pair that differs, drop groups inside another. Many
    methods can tangle into more groups than there are letters: then every method gets the empty string.
    """
    rank = {method: place for place, method in enumerate(methods)}
    groups = [(1 << len(methods)) - 1]  # a group is a set of bits, one a method
    for one, other in different:
        pair = [1 << rank[one], 1 << rank[other]]
        both = pair[0] | pair[1]
        kept = [group for group in groups if group & both != both]
        parts = dict.fromkeys(group & ~bit for group in groups if group & both == both for bit in pair)
        # a group that was not split cannot lie inside a part: it would have lain inside what was split
        known = [*kept, *parts]
        groups = kept + [part for part in parts if not any(part & other == part != other for other in known)]
        if len(groups) > TANGLED:
            return dict.fromkeys(methods, "")
    places = [[place for place in range(len(methods)) if group >> place & 1] for group in groups if group]
    named = dict(zip(string.ascii_letters, sorted(places), strict=False))
    if len(places) > len(named):
        return dict.fromkeys(methods, "")
    return {
        method: "".join(letter for letter, members in named.items() if rank[method] in members) for method in methods
    }
