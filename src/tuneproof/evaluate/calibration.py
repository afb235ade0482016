"""Calibration on the test split: do confidences say how often a method is right, and does one temperature mend it?

The temperature is fitted on the validation split, for each run by itself. Classification by rows; named entity
recognition by words, resampled by sentences. Not defined for regression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import statistics
from tuneproof.evaluate import items, summary
from tuneproof.evaluate.candidates import Candidate, Judged
from tuneproof.evaluate.items import Items
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded
from tuneproof.statistics import Measured, calibration
from tuneproof.tasks.base import Score

if TYPE_CHECKING:
    import numpy as np

ABOUT = dict.fromkeys(("dataset", "model", "method", "kind", "split"), TEXT)
ENDS = {**dict.fromkeys(("low", "high"), NUMBER), "note": TEXT}
CALIBRATION = {**ABOUT, "seed": COUNT, "scaling": TEXT, "measure": TEXT, "value": NUMBER, **ENDS}
RELIABILITY = {
    **ABOUT,
    "scaling": TEXT,
    "bin": COUNT,
    **dict.fromkeys(("items", "confidence", "accuracy"), NUMBER),
    **ENDS,
}
RISK = {**ABOUT, **dict.fromkeys(("coverage", "risk"), NUMBER), **ENDS}
COLUMNS = {"calibration": CALIBRATION, "reliability": RELIABILITY, "risk_coverage": RISK}
BINS = 15
"""Of equal mass, for ECE and reliability; as many as Guo et al. (2017) have."""
STEPS = 50
"""Coverages at which the risk is measured: 0.02, 0.04, … 1."""
RAW, SCALED = "none", "temperature"
EDGE = 1.001
"""A temperature this close to an end of its range lies at that end."""


def tables(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """Rows of `calibration`, `reliability` and `risk_coverage`."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    for candidate in judged.candidates:
        about = judged.about(candidate)
        for name, rows in _candidate(judged, candidate).items():
            found[name] += [{**about, **row} for row in rows]
    return found


class _Binned(NamedTuple):
    """Test items of one run, and their shares in the bins of ECE and in the steps of coverage."""

    items: Items
    bins: np.ndarray
    steps: np.ndarray


def _binned(found: Items) -> _Binned:
    return _Binned(found, *(calibration.shares(found.confidence, count) for count in (BINS, STEPS)))


class _Run(NamedTuple):
    """One run as it is and at its temperature; a text says why there are none."""

    raw: _Binned | str
    scaled: _Binned | str
    temperature: float | None


def _run(judged: Judged, predictions: dict[str, Any]) -> _Run:
    raw, known = (
        items.read(judged.task, judged.gold[split], predictions[split], judged.labels.probabilities)
        for split in ("test", "validation")
    )
    if isinstance(raw, str):
        return _Run(raw, raw, None)
    if isinstance(known, str):
        return _Run(_binned(raw), f"no temperature: {known} in validation", None)
    by = calibration.temperature(known.probabilities, known.truth)
    scaled = raw._replace(probabilities=calibration.scaled(raw.probabilities, by))
    return _Run(_binned(raw), _binned(scaled), by)


def _candidate(judged: Judged, candidate: Candidate) -> dict[str, list[dict[str, Any]]]:
    runs = [_run(judged, predictions) for predictions in candidate.runs.values()]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    for scaling, made in ((RAW, [run.raw for run in runs]), (SCALED, [run.scaled for run in runs])):
        usable = [one for one in made if not isinstance(one, str)]
        reasons = [one if isinstance(one, str) else "" for one in made]
        for name, measure in MEASURES.items():
            measured = _measured(judged, candidate, made, measure, reasons)
            rows = summary.by_seed(measured, candidate, judged.evaluation["confidence"])
            found["calibration"] += [{"scaling": scaling, "measure": name, **row} for row in rows]
        if scaling == SCALED:
            found["calibration"] += [{"scaling": scaling, **row} for row in _temperatures(candidate, runs)]
        if not made or len(usable) < len(made):
            reason = next((reason for reason in reasons if reason), "no run to judge")
            missing = {"note": f"not defined: {reason}"}
            found["reliability"].append({"scaling": scaling, **missing})
            found["risk_coverage"] += [missing] * (scaling == RAW)
            continue
        found["reliability"] += [{"scaling": scaling, **row} for row in _reliability(judged, candidate, usable)]
        if scaling == RAW:
            found["risk_coverage"] += _risk(judged, candidate, usable)
    return found


class Measure(NamedTuple):
    """A measure as a function of sums of items × statistics over rows."""

    statistics: Callable[[_Binned], np.ndarray]
    combine: Callable[[np.ndarray], np.ndarray]


def _measured(
    judged: Judged, candidate: Candidate, made: list[_Binned | str], measure: Measure, reasons: list[str]
) -> Measured:
    """Statistics of runs that have none are NaN, so that the score is not defined there."""
    import numpy as np

    rows = judged.counts.shape[1]
    given = [
        np.full((rows, 2), np.nan) if isinstance(one, str) else one.items.by_row(measure.statistics(one))
        for one in made
    ]
    score = Score(_no_frames, measure.combine, greater_is_better=False)
    return statistics.measure(score, given, judged.counts, seeds=candidate.seeds, reasons=reasons)


def _no_frames(gold: Any, predicted: Any) -> np.ndarray:
    raise AssertionError("statistics are made from items")


def _temperatures(candidate: Candidate, runs: list[_Run]) -> list[dict[str, Any]]:
    """The temperature of each run, and their mean."""
    rows = []
    for seed, run in zip(candidate.runs, runs, strict=True):
        if run.temperature is None:
            note = f"not defined: {run.scaled}"
        else:
            note = "no interval: fitted on the validation split as it is"
            if not calibration.LEAST * EDGE < run.temperature < calibration.MOST / EDGE:
                note += "; at the end of the range that is searched"
        rows.append({"seed": seed, "measure": "temperature", "value": rounded(run.temperature), "note": note})
    if candidate.seeds is None:
        return rows
    known = [run.temperature for run in runs if run.temperature is not None]
    note = "no interval: fitted on the validation split as it is"
    if len(known) < len(runs):
        reason = next(run.scaled for run in runs if run.temperature is None)
        note = f"not defined in {len(runs) - len(known)} of {len(runs)} runs: {reason}"
    mean = sum(known) / len(known) if known else None
    return [*rows, {"seed": None, "measure": "temperature", "value": rounded(mean), "note": note}]


def _curve(
    judged: Judged, candidate: Candidate, made: list[np.ndarray], combine: Callable[[np.ndarray], np.ndarray]
) -> list[dict[str, Any]]:
    """Intervals over rows and seeds of each value that `combine` gives; `made` is rows × statistics of each run."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.stack([combine(run.sum(axis=0)) for run in made], axis=-1)
        resampled = np.stack([combine(statistics.resampled_sums(run, judged.counts)) for run in made], axis=-1)
    found = []
    for place in range(len(observed)):
        one = Measured(observed[place], resampled[:, place], judged.counts.shape[1], candidate.seeds)
        found.append(summary.ends(statistics.interval(one, confidence=judged.evaluation["confidence"])))
    return found


def _reliability(judged: Judged, candidate: Candidate, runs: list[_Binned]) -> list[dict[str, Any]]:
    """Mean confidence and accuracy of each bin, over the runs; the interval is that of the accuracy."""
    import numpy as np

    def statistics_of(run: _Binned) -> np.ndarray:
        return run.items.by_row(np.concatenate([run.bins * run.items.right[:, None], run.bins], axis=1))

    confidence = np.mean([_confidences(run) for run in runs], axis=0)
    curve = _curve(judged, candidate, [statistics_of(run) for run in runs], _accuracies)
    return [
        {
            "bin": place + 1,
            "items": rounded(len(runs[0].items.truth) / BINS),
            "confidence": rounded(float(confidence[place])),
            "accuracy": row.pop("value"),
            **row,
        }
        for place, row in enumerate(curve)
    ]


def _confidences(run: _Binned) -> np.ndarray:
    return (run.bins * run.items.confidence[:, None]).sum(axis=0) / run.bins.sum(axis=0)


def _accuracies(sums: np.ndarray) -> np.ndarray:
    return sums[..., :BINS] / sums[..., BINS:]


def _risk(judged: Judged, candidate: Candidate, runs: list[_Binned]) -> list[dict[str, Any]]:
    """Share of wrong answers among the most confident ones, from few of them to all."""
    made = [run.items.by_row(_by_coverage(run)) for run in runs]
    curve = _curve(judged, candidate, made, calibration.risks)
    return [
        {"coverage": rounded((place + 1) / STEPS), "risk": row.pop("value"), **row} for place, row in enumerate(curve)
    ]


def _by_coverage(run: _Binned) -> np.ndarray:
    import numpy as np

    return np.concatenate([run.steps * ~run.items.right[:, None], run.steps], axis=1)


def _gaps(run: _Binned) -> np.ndarray:
    import numpy as np

    gaps = run.items.confidence - run.items.right
    return np.concatenate([run.bins * gaps[:, None], np.ones((len(gaps), 1))], axis=1)


def _chances(run: _Binned) -> np.ndarray:
    import numpy as np

    spread = run.items.confidence * (1 - run.items.confidence)
    return np.concatenate([run.bins**2 * spread[:, None], np.ones((len(spread), 1))], axis=1)


def _squares(run: _Binned) -> np.ndarray:
    """Brier's score of each item: squared distance of its probabilities from the truth, over all classes (0 to 2)."""
    import numpy as np

    own = run.items.of_truth
    distance = (run.items.probabilities**2).sum(axis=1) - own**2 + (1 - own) ** 2
    return np.stack([distance, np.ones(len(own))], axis=1)


def _surprise(run: _Binned) -> np.ndarray:
    import numpy as np

    own = run.items.of_truth
    return np.stack([-calibration.logarithms(own), np.ones(len(own))], axis=1)


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


MEASURES = {
    "ece": Measure(_gaps, calibration.expected_error),
    "ece_by_chance": Measure(_chances, calibration.error_by_chance),
    "brier": Measure(_squares, _mean),
    "log_loss": Measure(_surprise, _mean),
    "aurc": Measure(_by_coverage, calibration.area),
}
"""All are better where they are lower."""
