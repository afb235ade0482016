"""A teacher that looks for new rows whose label no longer fits them.

A classifier of another kind than the tuned ones (TF-IDF of words, logistic regression), trained out of fold, so that
it has seen neither a new row nor the row that this was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FOLDS = 5
REASON = "the teacher does not agree"

Made = tuple[dict[str, Any], int, dict[str, Any] | None]
"""A row, the number of the copy, and the new row if there is one."""


def disagreeing(rows: Sequence[dict[str, Any]], made: Sequence[Made], agreement: float) -> dict[int, str]:
    """Place in `made` → why it is dropped, for new rows of a classification task.

    A row is dropped where P(label | new text) < agreement · P(label | original text). With fewer than two rows of two
    classes there is nothing to learn from, and nothing is dropped.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline

    texts = np.array([_text(row) for row in rows], dtype=object)
    labels = np.array([row["label"] for row in rows], dtype=object)
    if len(rows) < 2:
        return {}
    place_of = {row["id"]: place for place, row in enumerate(rows)}
    found: dict[int, str] = {}
    for learned, left in KFold(min(FOLDS, len(rows)), shuffle=True, random_state=0).split(texts):
        asked = set(left.tolist())
        new = [(i, row, after) for i, (row, _, after) in enumerate(made) if after and place_of[row["id"]] in asked]
        if not new or len(set(labels[learned])) < 2:
            continue
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
        pipeline = make_pipeline(words, LogisticRegression(C=10, max_iter=1000)).fit(texts[learned], labels[learned])
        column = {label: place for place, label in enumerate(pipeline.classes_)}
        before = pipeline.predict_proba([_text(row) for _, row, _ in new])
        after = pipeline.predict_proba([_text(changed) for *_, changed in new])
        for (i, row, _), old, now in zip(new, before, after, strict=True):
            label = column.get(row["label"])
            if label is not None and now[label] < agreement * old[label]:
                found[i] = REASON
    return found


def _text(row: dict[str, Any]) -> str:
    return f"{row['text']} {row['text_pair']}" if "text_pair" in row else str(row["text"])
