"""Scores of runs on the test rows of data sets that they were not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, statistics
from tuneproof.challenge.transfer import FILE
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.tasks.base import Score

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "method", "test_on", "score"), TEXT),
    **dict.fromkeys(("rows", "seeds"), COUNT),
    **dict.fromkeys(("value", "low", "high"), NUMBER),
    "note": TEXT,
}


def rows(
    challenges: Mapping[str, Path], prepared: Path, found: Mapping[str, Score], evaluation: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows of `COLUMNS` but for `dataset` and `model`, of each method (→ folder that `challenge` wrote), other data set
    and score. `prepared`: folder of the data set that was trained on, beside those of the others."""
    made: list[dict[str, Any]] = []
    golds: dict[str, pd.DataFrame] = {}
    drawn: dict[str, np.ndarray] = {}
    for method, folder in challenges.items():
        about = files.read_json(folder / "challenge.json")
        names = about.get("also_test_on")
        if not names:
            continue
        frame = files.read_frame(folder / FILE)
        for name in names:
            common = {"method": method, "test_on": name}
            if reason := about["untried"].get(name):
                made.append({**common, "note": f"not tested: {reason}"})
                continue
            if name not in golds:
                golds[name] = files.read_frame(prepared.parent / name / "test.parquet")
                count, seed = evaluation["bootstrap"], evaluation["seed"]
                drawn[name] = statistics.resamples(len(golds[name]), count, seed=seed)
            gold, runs = golds[name], []
            for seed in about["seeds"]:
                own = frame[(frame["test_on"] == name) & (frame["seed"] == seed)].reset_index(drop=True)
                if list(own["id"]) != list(gold["id"]):
                    made.append(
                        {**common, "note": f"not evaluated: seed {seed} answers other rows; run challenge again"}
                    )
                    break
                runs.append(own)
            else:
                made += [
                    {**common, "score": label, **_line(score, gold, runs, drawn[name], about["seeds"], evaluation)}
                    for label, score in found.items()
                ]
    return made


def _line(
    score: Score,
    gold: pd.DataFrame,
    runs: list[pd.DataFrame],
    counts: np.ndarray,
    seeds: list[int],
    evaluation: Mapping[str, Any],
) -> dict[str, Any]:
    reasons = [score.undefined(gold, run) if score.undefined else "" for run in runs]
    measured = statistics.measure(
        score, [score.statistics(gold, run) for run in runs], counts, seeds=seeds, reasons=reasons
    )
    interval = statistics.interval(measured, confidence=evaluation["confidence"])
    return {
        "rows": len(gold),
        "seeds": len(seeds),
        "value": rounded(interval.value),
        "low": rounded(interval.low),
        "high": rounded(interval.high),
        "note": interval.note,
    }
