"""One declared data set, many training sets: several sizes, several random draws of each.

All members share source and split, so that they are judged on the same test rows; a smaller training set lies within a
larger one of the same draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.mistakes import Mistake, Mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneproof.dataset import Dataset

LONGEST = 64
"""Characters of a data set's name."""


def expand(datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Each data set, or in its place its members: `movie-8-draw-0`, `movie-8-draw-1`, `movie-16-draw-0`, …

    With `train_per_class` they are called `movie-8-per-class-draw-0`. Raises `Mistakes` where names meet.
    """
    found: dict[str, Dataset] = {}
    taken: list[Mistake] = []
    for name, dataset in datasets.items():
        made = members(name, dataset)
        for member in made:
            if member == name:
                continue
            if member in found or member in datasets:
                taken.append(Mistake((name,), f"makes {member}, which is there already; allowed: another name"))
            elif len(member) > LONGEST:
                taken.append(Mistake((name,), f"makes {member}; allowed: a name of up to {LONGEST} characters"))
        found |= made
    if taken:
        raise Mistakes(taken)
    return found


def members(name: str, dataset: Dataset) -> dict[str, Dataset]:
    """The data sets that one declaration stands for, by name; itself where it has one size and one draw."""
    per_class = dataset.train_per_class
    if dataset.draws == 1 and dataset.train_sizes is None and not isinstance(per_class, tuple):
        return {name: dataset}
    key, suffix = ("train_size", "") if per_class is None else ("train_per_class", "-per-class")
    sizes = dataset.train_sizes or (per_class if isinstance(per_class, tuple) else (per_class or dataset.train_size,))
    return {
        f"{name}-{size}{suffix}-draw-{draw}": dataset.model_copy(
            update={"train_sizes": None, key: size, "draws": 1, "draw": draw, "family": dataset.family or name}
        )
        for size in sizes
        for draw in range(dataset.draws)
    }
