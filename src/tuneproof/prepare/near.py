"""Near duplicates: texts that share most of their character 5-grams.

MinHash (Broder 1997) with banding finds pairs that may be near; each is then compared by the exact Jaccard similarity
of its sets, so that no pair is reported wrongly. A pair at the threshold is missed once in some thousand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

GRAM = 5
THRESHOLD = 0.8
HASHES = 64
ROWS = 4
"""Hashes in a band: with 16 bands, a pair of similarity s meets with 1 − (1 − s⁴)¹⁶, at 0.8 that is 0.9998."""

NEIGHBOURS = 8
"""Earlier texts of a bucket that a text is compared with."""

BLOCK = 2_000_000
"""Characters hashed at once; 64 hashes of them are 16 MB each."""

_OTHER = re.compile(r"[\W_]+")


def pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> list[tuple[int, int]]:
    """Positions (earlier, later) of near texts, in rising order. Case, punctuation and white space do not count."""
    import numpy as np

    normal = [_OTHER.sub(" ", text.casefold()).strip().ljust(GRAM) for text in texts]
    grams: list[Any] = []
    signatures = []
    for first, last in _blocks([len(text) for text in normal]):
        hashed, starts = _grams(normal[first:last])
        signatures.append(_signatures(hashed, starts))
        grams += np.split(hashed, starts[1:])
    if not grams:
        return []
    candidates = _candidates(np.concatenate(signatures))
    sets = {place: np.unique(grams[place]) for place in {place for pair in candidates for place in pair}}
    return sorted(pair for pair in candidates if _jaccard(sets[pair[0]], sets[pair[1]]) >= threshold)


def _blocks(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of texts (first, one past the last) of about `BLOCK` characters."""
    edges, size = [0], 0
    for place, length in enumerate(lengths):
        if size and size + length > BLOCK:
            edges.append(place)
            size = 0
        size += length
    return list(pairwise([*edges, len(lengths)])) if lengths else []


def _grams(texts: Sequence[str]) -> tuple[Any, Any]:
    """Hashes of all 5-grams, one text behind the other, and where each text's begin."""
    import numpy as np

    characters = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    hashed = np.zeros(len(characters) - GRAM + 1, dtype=np.uint64)
    for place in range(GRAM):
        hashed = hashed * np.uint64(0x100000001B3) + characters[place : place + len(hashed)]
    lengths = np.array([len(text) for text in texts])
    ends = np.cumsum(lengths)
    within = np.ones(len(hashed), dtype=bool)
    for place in range(1, GRAM):  # the last four starts of each text reach into the next one
        edges = ends[:-1] - place
        within[edges] = False
    counts = lengths - GRAM + 1
    return _mixed(hashed[within]), np.concatenate([[0], np.cumsum(counts)[:-1]])


def _mixed(values: Any) -> Any:
    """Bits spread over the word (the finaliser of SplitMix64)."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signatures(hashed: Any, starts: Any) -> Any:
    """Texts × hashes: the smallest value that each hash function gives to a 5-gram of the text."""
    import numpy as np

    random = np.random.default_rng(0)
    factors = random.integers(0, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    columns = [np.minimum.reduceat(_mixed(hashed * factor), starts) for factor in factors]
    return np.stack(columns, axis=1)


def _candidates(signatures: Any) -> set[tuple[int, int]]:
    """Pairs that agree in all hashes of a band."""
    found: set[tuple[int, int]] = set()
    for band in range(0, HASHES, ROWS):
        buckets: dict[bytes, list[int]] = {}
        for place, key in enumerate(signatures[:, band : band + ROWS]):
            bucket = buckets.setdefault(key.tobytes(), [])
            found.update((earlier, place) for earlier in bucket[:NEIGHBOURS])
            bucket.append(place)
    return found


def _jaccard(one: Any, other: Any) -> float:
    import numpy as np

    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
