"""The mistakes that each method is most confident of, on the test split: to find wrong labels and blind spots.

Rows are named by their id; whoever shows them looks the text up among the prepared rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.evaluate.candidates import Judged
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded
from tuneproof.tasks.ner import entities

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = {
    "mistakes": {
        **dict.fromkeys(("dataset", "model", "method", "kind", "split"), TEXT),
        "rank": COUNT,
        **dict.fromkeys(("id", "gold", "predicted"), TEXT),
        **dict.fromkeys(("confidence", "error"), NUMBER),
        **dict.fromkeys(("seeds_wrong", "seeds"), COUNT),
        "note": TEXT,
    }
}
SHOWN = 20
"""Mistakes of one method."""


class _Answer(NamedTuple):
    """What one run said about a row that it got wrong."""

    text: str
    confidence: float | None


def tables(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """Up to 20 rows a method, the worst first; a row with a note where there is none."""
    found = []
    kind = KINDS[judged.task.name]
    for candidate in judged.candidates:
        about = judged.about(candidate)
        runs = candidate.answers("test")
        rows = kind(judged, runs) if runs and len(judged.gold["test"]) else []
        if not rows:
            rows = [{"note": "no mistake" if runs else "no run to judge"}]
        found += [{**about, **row} for row in rows]
    return {"mistakes": found}


def _classified(judged: Judged, runs: list[pd.DataFrame]) -> list[dict[str, Any]]:
    gold = judged.gold["test"]["label"].tolist()
    return _most_confident(judged, gold, [_wrong_labels(gold, predicted) for predicted in runs])


def _wrong_labels(gold: list[str], predicted: pd.DataFrame) -> list[_Answer | None]:
    import numpy as np

    sure: np.ndarray | list[None] = [None] * len(gold)
    if "probabilities" in predicted:
        sure = np.stack(list(predicted["probabilities"])).max(axis=1)
    return [
        None if guess == label else _Answer(guess, _number(confidence))
        for label, guess, confidence in zip(gold, predicted["prediction"], sure, strict=True)
    ]


def _tagged(judged: Judged, runs: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """By sentence; its confidence is that of the wrong word that the run is surest of."""
    gold = judged.gold["test"]["tags"].tolist()
    wrong = [_wrong_sentences(gold, predicted) for predicted in runs]
    return _most_confident(judged, [_shown(tags) for tags in gold], wrong)


def _wrong_sentences(gold: list[Any], predicted: pd.DataFrame) -> list[_Answer | None]:
    given = predicted["probabilities"] if "probabilities" in predicted else [None] * len(gold)
    found: list[_Answer | None] = []
    for tags, guess, probabilities in zip(gold, predicted["prediction"], given, strict=True):
        if entities(tags) == entities(guess):
            found.append(None)
            continue
        sure = None
        if probabilities is not None:
            sure = max(
                float(max(word)) for word, tag, answer in zip(probabilities, tags, guess, strict=True) if tag != answer
            )
        found.append(_Answer(_shown(guess), sure))
    return found


def _shown(tags: Iterable[str]) -> str:
    """Entities with their first and last word, counted from 1; a dash where there are none."""
    spans = sorted(entities(list(tags)), key=lambda entity: entity[1])
    return "; ".join(f"{kind} {first + 1}–{last + 1}" for kind, first, last in spans) or "–"


def _most_confident(judged: Judged, gold: list[str], runs: list[list[_Answer | None]]) -> list[dict[str, Any]]:
    """`predicted` is the wrong answer that most runs gave (the first in the alphabet of equals); `confidence` the mean
    over all runs, in which a run that was right, or wrong in another way, counts as none."""
    ids = judged.gold["test"]["id"].tolist()
    rows = []
    for place, label in enumerate(gold):
        wrong = [answer for run in runs if (answer := run[place]) is not None]
        if not wrong:
            continue
        counts = Counter(answer.text for answer in wrong)
        guess = min(counts, key=lambda text: (-counts[text], text))
        sure = [answer.confidence for answer in wrong if answer.text == guess]
        known = [confidence for confidence in sure if confidence is not None]
        rows.append(
            {
                "id": ids[place],
                "gold": label,
                "predicted": guess,
                "confidence": rounded(sum(known) / len(runs)) if len(known) == len(sure) else None,
                "seeds_wrong": len(wrong),
                "seeds": len(runs),
                "note": "" if len(known) == len(sure) else "no probabilities: by the number of runs",
            }
        )
    return _ranked(rows, lambda row: (-(row["confidence"] or 0), -row["seeds_wrong"], row["id"]))


def _measured(judged: Judged, runs: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """Regression has no wrong and right: the rows with the largest distance of the runs' mean from the label."""
    import numpy as np

    gold = judged.gold["test"]
    means = np.mean([predicted["prediction"].to_numpy(float) for predicted in runs], axis=0)
    rows = [
        {
            "id": row,
            "gold": str(rounded(float(label))),
            "predicted": str(rounded(float(mean))),
            "error": rounded(abs(float(mean) - float(label))),
            "seeds": len(runs),
        }
        for row, label, mean in zip(gold["id"], gold["label"], means, strict=True)
        if not np.isnan(mean) and mean != label
    ]
    return _ranked(rows, lambda row: (-(row["error"] or 0), row["id"]))


def _ranked(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    return [{"rank": rank, **row} for rank, row in enumerate(sorted(rows, key=key)[:SHOWN], start=1)]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


KINDS: dict[str, Callable[[Judged, list[pd.DataFrame]], list[dict[str, Any]]]] = {
    "classification": _classified,
    "ner": _tagged,
    "regression": _measured,
}
