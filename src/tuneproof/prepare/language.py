"""In which languages the texts of a data set are, by py3langid: naive Bayes over byte n-grams, 139 languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SAMPLE = 1000
"""Texts of a split that are looked at; rows are sorted by their hashes, so the first ones are a random sample."""
LEAST = 30
"""Characters; in shorter texts languages are hardly told apart."""
SURE = 0.5
"""Probability below which a text's language counts as not determined."""
FEW = 20
"""Texts; fewer give no warning."""
MIXED = 0.05
"""Share of texts in other languages than the most frequent one from which a warning is given."""
SHOWN = 5


def languages(texts: Sequence[str]) -> dict[str, Any]:
    """`looked_at`: texts of the sample that are long enough; `shares`: ISO 639-1 code → share of those whose language
    was determined, the five most frequent; `determined`: how many those are.
    """
    long_enough = [text for text in texts[:SAMPLE] if len(text) >= LEAST]
    counts = Counter(_identifier().classify(text)[0] for text in long_enough)
    counts.pop("und", None)
    total = counts.total()
    order = sorted(counts, key=lambda code: (-counts[code], code))
    shares = {code: round(counts[code] / total, 4) for code in order[:SHOWN]}
    return {"looked_at": len(long_enough), "determined": total, "shares": shares}


def warnings(found: dict[str, dict[str, Any]]) -> list[str]:
    """Splits (name → what `languages` gave) of several languages, and splits of another one than train."""
    enough = {split: one["shares"] for split, one in found.items() if one["determined"] >= FEW}
    told = []
    for split, shares in enough.items():
        code = next(iter(shares))
        if 1 - shares[code] >= MIXED:
            listed = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:3])
            told.append(f"{split} is in several languages: {listed}")
        if "train" in enough and code != (main := next(iter(enough["train"]))):
            told.append(f"{split} is mostly in {code}, train in {main}")
    return told


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=SURE)
