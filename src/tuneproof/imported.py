"""Results made elsewhere, in the field names of peft's `method_comparison` JSON files (one run a file).

Such a file states an accuracy and not on how many rows: with their number the interval is Wilson's (1927), which covers
the test rows; without it, that of several seeds (t), which covers the seeds; of one run alone there is none. Nothing
was answered on our rows, so that no test compares imported methods with ours.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError

FULL = "full-finetuning"
"""peft's name for a run without an adapter (`peft_config` is null)."""


class Run(NamedTuple):
    """One run as its file states it; what it does not state is None."""

    experiment: str
    model: str
    method: str
    seed: int
    accuracy: float
    """On the test rows, 0 to 1."""
    train_seconds: float | None
    peak_memory_mb: float | None
    """Of the accelerator, 10⁶ bytes."""
    checkpoint_mb: float | None


class Entry(NamedTuple):
    """All runs of one experiment (they differ in the seed)."""

    experiment: str
    model: str
    method: str
    runs: int
    value: float
    """Mean accuracy."""
    low: float | None
    high: float | None
    seed_sd: float | None
    train_seconds: float | None
    peak_memory_mb: float | None
    checkpoint_mb: float | None
    note: str
    """What the interval covers, or why there is none."""


def read(path: Path) -> list[Run]:
    """The finished runs of a file (an object, or a list of them). Raises `DataError` naming the field that is wrong."""
    content = files.read_json(path)
    entries = content if isinstance(content, list) else [content]
    found = [_run(path, place, entry) for place, entry in enumerate(entries, start=1)]
    runs = [run for run in found if run is not None]
    if not runs:
        raise DataError(f"{path}: no run with train_info.status success in it")
    return runs


def together(runs: list[Run], *, test_rows: int | None, confidence: float) -> list[Entry]:
    """An entry an experiment and model, best first. Raises `DataError` where a seed stands twice."""
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        mine = grouped.setdefault((run.experiment, run.model, run.method), [])
        if any(other.seed == run.seed for other in mine):
            raise DataError(f"{run.experiment}: found seed {run.seed} twice; allowed: one run a seed")
        mine.append(run)
    entries = [_entry(key, mine, test_rows, confidence) for key, mine in grouped.items()]
    return sorted(entries, key=lambda entry: -entry.value)


def _entry(key: tuple[str, str, str], runs: list[Run], test_rows: int | None, confidence: float) -> Entry:
    values = [run.accuracy for run in runs]
    mean, deviation = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None
    low, high, note = _interval(mean, deviation, len(values), test_rows, confidence)
    return Entry(
        *key,
        runs=len(runs),
        value=mean,
        low=low,
        high=high,
        seed_sd=deviation,
        train_seconds=_mean([run.train_seconds for run in runs]),
        peak_memory_mb=_mean([run.peak_memory_mb for run in runs]),
        checkpoint_mb=_mean([run.checkpoint_mb for run in runs]),
        note=note,
    )


def _interval(
    mean: float, deviation: float | None, runs: int, test_rows: int | None, confidence: float
) -> tuple[float | None, float | None, str]:
    if test_rows is not None:
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(mean * test_rows, test_rows, alpha=1 - confidence, method="wilson")
        return float(low), float(high), f"interval over {test_rows} test rows (Wilson), not over seeds"
    if deviation is not None:
        from scipy.special import stdtrit

        half = float(stdtrit(runs - 1, (1 + confidence) / 2)) * deviation / math.sqrt(runs)
        return max(0.0, mean - half), min(1.0, mean + half), f"interval over {runs} seeds (t), not over test rows"
    return None, None, "no interval: one run, and the file does not state the test rows (--test-rows)"


def _run(path: Path, place: int, entry: Any) -> Run | None:
    """A run, or None where it did not end well."""
    where = f"{path}: run {place}"
    info, train = _field(where, entry, "run_info", dict), _field(where, entry, "train_info", dict)
    if _field(where, train, "status", str, "train_info.") != "success":
        return None
    config = _field(where, info, "train_config", dict, "run_info.")
    metrics = _field(where, train, "metrics", list, "train_info.")
    adapter = info.get("peft_config")
    method = FULL if not adapter else _field(where, adapter, "peft_type", str, "run_info.peft_config.").lower()
    last = metrics[-1] if metrics and isinstance(metrics[-1], dict) else {}
    accuracy = last.get("test accuracy")
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise DataError(f"{where}: train_info.metrics[-1].'test accuracy': found {accuracy!r}; allowed: 0 to 1")
    return Run(
        experiment=_field(where, info, "experiment_name", str, "run_info."),
        model=_field(where, config, "model_id", str, "run_info.train_config."),
        method=method,
        seed=int(config.get("seed", 0)),
        accuracy=float(accuracy),
        train_seconds=_cost(train.get("train_time")),
        peak_memory_mb=_cost(train.get("accelerator_memory_max"), 1e6),
        checkpoint_mb=_cost(train.get("file_size"), 1e6),
    )


def _field(where: str, content: Any, name: str, kind: type, inside: str = "") -> Any:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, kind):
        found = "nothing" if value is None else type(value).__name__
        raise DataError(f"{where}: {inside}{name}: found {found}; allowed: {kind.__name__}, as peft writes it")
    return value


def _cost(value: Any, unit: float = 1.0) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) / unit if number else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
