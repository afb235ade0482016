"""What a body forgets while it is tuned: how far its embeddings of general sentences keep their geometry.

The sentences are general ones, no texts of the experiment. Both measures are 1 where nothing changed, whatever the
scale and the rotation of the embeddings: a body may turn without forgetting.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.challenge import embed
from tuneproof.challenge.sentences import SENTENCES

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from tuneproof.challenge.predictor import Predictor, Text


class Kept(NamedTuple):
    """What is left of the pre-trained geometry; NaN where it is not defined, and then `note` says why."""

    cka: float
    """Linear centred kernel alignment (Kornblith et al. 2019, arXiv 1905.00414), at most 1; near 0 where nothing is
    left. The estimate is unbiased, as it has to be with fewer sentences than dimensions (see `unbiased_cka`)."""
    similarity: float
    """Pearson correlation of the cosines of all pairs of sentences, -1 to 1."""
    note: str = ""


def embeddings(predictor: Predictor, model: PreTrainedModel) -> np.ndarray:
    """Embeddings of the sentences (sentences × width) by a model; ner reads them split at white space."""
    texts: list[Text] = [text.split() if predictor.task.name == "ner" else text for text in SENTENCES]
    return embed.of_texts(predictor, model, texts)


def compare(before: np.ndarray, after: np.ndarray) -> Kept:
    """Measures of two sets of embeddings of the same texts, texts × width each; at least four texts."""
    import numpy as np

    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return Kept(math.nan, math.nan, "not defined: embeddings are not finite")
    if np.array_equal(before, after):
        return Kept(1.0, 1.0)
    if min(_spread(before), _spread(after)) < 1e-6:
        return Kept(math.nan, math.nan, "not defined: all sentences have the same embedding")
    cka = unbiased_cka(before, after)
    if math.isnan(cka):
        return Kept(cka, _similarity(before, after), "cka not defined: too few sentences")
    return Kept(cka, _similarity(before, after))


def _spread(embeddings: np.ndarray) -> float:
    """Largest standard deviation of a dimension as a share of the mean length of the embeddings."""
    import numpy as np

    return float(embeddings.std(axis=0).max() / max(np.linalg.norm(embeddings, axis=1).mean(), 1e-30))


def unbiased_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Linear CKA with the unbiased estimator of HSIC (Song et al. 2012, equation 5; Nguyen et al. 2021).

    With more dimensions than texts, the biased one is near 1 for embeddings that have nothing to do with each other.
    NaN where a set of embeddings has no variance by this estimate, which takes very few texts.
    """
    first, second = a @ a.T, b @ b.T
    own = _hsic(first, first), _hsic(second, second)
    return _hsic(first, second) / math.sqrt(own[0] * own[1]) if min(own) > 0 else math.nan


def _hsic(a: np.ndarray, b: np.ndarray) -> float:
    """Of two kernels (texts × texts)."""
    import numpy as np

    n = len(a)
    a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    mixed = (a * b).sum() + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * (a.sum(0) @ b.sum(0)) / (n - 2)
    return float(mixed / (n * (n - 3)))


def _similarity(a: np.ndarray, b: np.ndarray) -> float:
    import numpy as np

    pairs = np.triu_indices(len(a), k=1)
    first, second = ((embed.unit(side) @ embed.unit(side).T)[pairs] for side in (a, b))
    return float(np.corrcoef(first, second)[0, 1])
