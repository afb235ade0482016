"""Confusion matrix of the test split: which class was answered for which. Over the seeds; words count in NER."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tuneproof.evaluate.candidates import Judged
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "confusion": {
        **dict.fromkeys(("dataset", "model", "method", "kind", "split", "gold", "predicted"), TEXT),
        "answers": COUNT,
        "share": NUMBER,
        "note": TEXT,
    }
}


def tables(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """`answers`: of all runs together; `share`: of those whose gold class this is. Pairs without answers are absent."""
    found = []
    for candidate in judged.candidates:
        about = judged.about(candidate)
        if judged.task.name == "regression":
            found.append({**about, "note": "not defined: regression has no classes"})
            continue
        counts = Counter(
            pair
            for predicted in candidate.answers("test")
            for pair in zip(*_classes(judged, judged.gold["test"], predicted), strict=True)
        )
        totals: Counter[str] = Counter()
        for (gold, _), count in counts.items():
            totals[gold] += count
        found += [
            {**about, "gold": gold, "predicted": guess, "answers": count, "share": rounded(count / totals[gold])}
            for (gold, guess), count in sorted(counts.items())
        ]
        if not counts:
            found.append({**about, "note": "not defined: no answers"})
    return {"confusion": found}


def _classes(judged: Judged, gold: pd.DataFrame, predicted: pd.DataFrame) -> tuple[list[str], list[str]]:
    """True and predicted class of each row; in NER the entity type of each word, or `O`."""
    if judged.task.name == "ner":
        return _types(gold["tags"]), _types(predicted["prediction"])
    return gold["label"].tolist(), predicted["prediction"].tolist()


def _types(sentences: Iterable[Iterable[str]]) -> list[str]:
    return [tag[2:] or tag for tags in sentences for tag in tags]
