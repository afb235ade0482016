"""Train, validation and test: reproducible from ids and seed alone, with exact counts, and stratified by one ordering.

All rows are put in one order in which every class is spread evenly; train is its head, test its tail. So every cut
keeps the class shares, each class has its first row in train, and a smaller training subset lies within a larger one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from tuneproof.dataset import Split
from tuneproof.errors import DataError
from tuneproof.prepare.clean import Example
from tuneproof.prepare.tags import spans


def ordered(examples: Sequence[Example], seed: int | str, stratum: Callable[[Example], str]) -> list[Example]:
    """All examples in an order whose every prefix holds each stratum at about its share of the whole.

    Within a stratum the order is by a hash of seed and id; row k of n stands at (k + ½)/n, the first row at 0.
    """
    strata: dict[str, list[tuple[str, Example]]] = {}
    keyed = [(_hash(seed, example.id), example) for example in examples]
    for key, example in sorted(keyed, key=lambda item: item[0]):
        strata.setdefault(stratum(example), []).append((key, example))
    placed = [
        ((rank + 0.5) / len(members) if rank else 0.0, key, example)
        for members in strata.values()
        for rank, (key, example) in enumerate(members)
    ]
    return [example for _, _, example in sorted(placed, key=lambda item: item[:2])]


def divide(
    examples: Sequence[Example], split: Split, missing: Sequence[str], stratum: Callable[[Example], str], where: str
) -> dict[str, list[Example]]:
    """Train, and each of the `missing` splits (validation, test), cut from the examples; `where` is for messages.

    Counts are exact, unless examples have groups: those stay whole, and the counts come as near as they allow.
    Raises `DataError` where nothing would be left for a split.
    """
    sizes = {name: _rows(split.validation if name == "validation" else split.test, len(examples)) for name in missing}
    if sum(sizes.values()) >= len(examples):
        asked = " and ".join(f"{size:,} rows for {name}" for name, size in sizes.items())
        raise DataError(f"{where}: split asks for {asked}, but there are {len(examples):,}; train needs some as well")
    if any(example.group is not None for example in examples):
        return _by_group(examples, sizes, split.seed, where)
    rest = ordered(examples, split.seed, stratum)
    parts = {}
    for name in sorted(sizes):  # test, then validation, from the tail
        rest, parts[name] = rest[: -sizes[name]], rest[-sizes[name] :]
    return {"train": rest, **parts}


def draw_seed(seed: int, draw: int) -> int | str:
    """The seed of one random subset; that of the first is the split's own."""
    return seed if draw == 0 else f"{seed}/draw-{draw}"


def subset(train: Sequence[Example], size: int, seed: int | str, stratum: Callable[[Example], str]) -> list[Example]:
    """The first `size` training rows of the ordering: nested in every larger subset of the same seed."""
    return ordered(train, seed, stratum)[:size]


def subset_per_class(train: Sequence[Example], count: int, seed: int | str, task: str, where: str) -> list[Example]:
    """`count` rows of each class; ner: sentences until each type has so many mentions, or all that it has.

    Greedy as in Yang and Katiyar 2020 (arXiv 2010.02405): the rarest type first, for which sentences in random order
    are taken, and what they mention of other types counts. It goes in rounds of one more mention each, so that a
    subset lies within every larger one of the same seed; the paper's last step, which drops sentences that turned out
    not to be needed, is left out for that. Raises `DataError` where a class has fewer rows.
    """
    order = sorted(train, key=lambda example: _hash(seed, example.id))
    mentions = [_mentions(example, task) for example in order]
    total = sum(mentions, Counter[str]())
    kinds = sorted(total, key=lambda kind: (total[kind], kind))
    if task == "classification" and kinds and total[kinds[0]] < count:
        raise DataError(f"{where}: found {count:,}, but class {kinds[0]!r} has {total[kinds[0]]:,} training rows")
    waiting = {kind: iter([row for row, found in enumerate(mentions) if kind in found]) for kind in kinds}
    taken: dict[int, None] = {}
    have = Counter[str]()
    for wanted in range(1, count + 1):
        for kind in kinds:
            while have[kind] < min(wanted, total[kind]):
                row = next(waiting[kind])
                if row not in taken:
                    taken[row] = None
                    have += mentions[row]
    return [order[row] for row in taken]


def _mentions(example: Example, task: str) -> Counter[str]:
    if task == "ner":
        return Counter(kind for _, _, kind in spans(example.answer))
    return Counter([str(example.answer)])


def strata(task: str, examples: Iterable[Example], *, stratify: bool) -> Callable[[Example], str]:
    """What is held at equal shares: the class; for ner a sentence's rarest type; otherwise all rows are alike."""
    if not stratify or task == "regression":
        return lambda example: ""
    if task == "classification":
        return lambda example: str(example.answer)
    counts = Counter(kind for example in examples for _, _, kind in spans(example.answer))

    def rarest(example: Example) -> str:
        kinds = {kind for _, _, kind in spans(example.answer)}
        return min(kinds, key=lambda kind: (counts[kind], kind), default="")

    return rarest


def _rows(wanted: float, total: int) -> int:
    """A number of rows: given as such, or as a share of the total (at least one)."""
    return int(wanted) if wanted >= 1 else max(1, round(wanted * total))


def _by_group(examples: Sequence[Example], sizes: dict[str, int], seed: int, where: str) -> dict[str, list[Example]]:
    """Whole groups in hash order go to test, then to validation, while that brings the count nearer to the size."""
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(str(example.group), []).append(example)
    left = sorted(groups, key=lambda group: _hash(seed, group))
    parts: dict[str, list[Example]] = {}
    for name in sorted(sizes):
        taken: list[str] = []
        count = 0
        for group in left:
            if abs(count + len(groups[group]) - sizes[name]) < abs(count - sizes[name]):
                taken.append(group)
                count += len(groups[group])
        left = [group for group in left if group not in set(taken)]
        parts[name] = [example for group in taken for example in groups[group]]
    result = {"train": [example for group in left for example in groups[group]], **parts}
    for name, part in result.items():
        if not part:
            raise DataError(f"{where}: no rows left for {name}: {len(groups):,} groups are too few or too large")
    return result


def _hash(seed: int | str, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
