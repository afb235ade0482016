"""Replacement of uninformative words by TF-IDF (Xie et al. 2020, UDA, appendix).

Words that say little in their text give way to words that say little in the training texts; keywords tend to stay
and do not come in. Of a text pair, the first text is changed; both count as training texts.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import Field

from tuneproof.augment.base import RowTechnique
from tuneproof.augment.words import cased

if TYPE_CHECKING:
    import pandas as pd

WORD = re.compile(r"(?<![\w@#'’/.-])[^\W_]+(?:['’-][^\W_]+)*(?![\w@/]|\.\w)")
"""Letters and digits, with apostrophes and hyphens inside; no handle, hashtag or address."""


class Corpus(NamedTuple):
    """What is known of the training texts; words are lower-case."""

    idf: dict[str, float]
    """Word → ln(texts ÷ texts with the word)."""
    words: list[str]
    """The vocabulary, sorted."""
    weights: list[float]
    """Running sums over `words` of max S − S(w), where S(w) = occurrences of w · IDF(w)."""


class Tfidf(RowTechnique):
    """Options of TF-IDF based word replacement."""

    idea: ClassVar[str] = "Replaces words of low TF-IDF by uninformative words of the training texts."
    paper: ClassVar[str] = "Xie et al. 2020, Unsupervised Data Augmentation for Consistency Training, NeurIPS"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")

    rate: float = Field(
        0.3, gt=0, le=1, description="Mean probability that a word is replaced, where none reaches 1; the paper's p."
    )

    def prepare(self, train: pd.DataFrame) -> Corpus:
        columns = [column for column in ("text", "text_pair") if column in train.columns]
        return corpus([text for column in columns for text in train[column]])

    def change(self, row: dict[str, Any], shared: Corpus, rng: random.Random) -> dict[str, Any] | None:
        """None where no word was drawn, or each gave way to itself; always where all words weigh the same."""
        text = row["text"]
        found = list(WORD.finditer(text))
        parts, end = [], 0
        for match, probability in zip(found, probabilities(found, shared, self.rate), strict=True):
            if rng.random() < probability:
                (word,) = rng.choices(shared.words, cum_weights=shared.weights)
                parts += [text[end : match.start()], _cased(word, match[0])]
                end = match.end()
        changed = "".join(parts) + text[end:]
        return None if changed == text else {**row, "text": changed}


def corpus(texts: list[str]) -> Corpus:
    """Weights of the words of these texts. Where all S(w) are equal, no word is weaker: all are drawn alike."""
    within = [[match[0].lower() for match in WORD.finditer(text)] for text in texts]
    frequency = Counter(word for words in within for word in words)
    documents = Counter(word for words in within for word in set(words))
    words = sorted(frequency)
    idf = {word: math.log(len(texts) / documents[word]) for word in words}
    scores = [frequency[word] * idf[word] for word in words]
    most = max(scores, default=0.0)
    weights = [most - score for score in scores]
    return Corpus(idf, words, list(accumulate(weights if any(weights) else [1.0] * len(words))))


def probabilities(found: list[re.Match[str]], shared: Corpus, rate: float) -> list[float]:
    """For each word min(p·(C − TFIDF)/Z, 1): C is the text's largest TF-IDF, Z the mean of C − TFIDF.

    TF is the word's share of the text. A word that the training texts do not have stays, with probability 0.
    """
    words = [match[0].lower() for match in found]
    counts = Counter(words)
    known = {word: counts[word] / len(words) * shared.idf[word] for word in counts if word in shared.idf}
    most = max(known.values(), default=0.0)
    below = [most - known.get(word, most) for word in words]
    total = sum(below)
    if total <= 0:
        return [0.0] * len(words)
    return [min(rate * one * len(words) / total, 1.0) for one in below]


def _cased(word: str, like: str) -> str:
    """As `cased`; a single capital (I, A) asks for no word in capitals."""
    return cased(word, like) if len(like) > 1 else cased(word, like.lower())
