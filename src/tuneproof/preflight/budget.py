"""What to cut where the time is short: a few honest cuts, each with what it saves, the mildest first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tuneproof.errors import TuneproofError
from tuneproof.params import Params

TRIALS, SEEDS = 3, 3
"""Below these a search says little, and the spread over seeds cannot be seen."""


UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """`90s`, `45min`, `2h`, `1.5h` or `1d` in seconds. Raises `TuneproofError` for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)", text.strip())
    if found is None or float(found[1]) == 0:
        raise TuneproofError(f"--budget: found {text!r}; allowed: a number and s, min, h or d, as in 90min or 2h")
    return float(found[1]) * UNITS[found[2]]


class Cut(NamedTuple):
    """One change of params, in words, and the wall time after it and all cuts before it."""

    change: str
    seconds: float


def suggest(params: Params, seconds: Callable[[Params], float], budget: float) -> list[Cut]:
    """Cuts until the estimate fits the budget, or there is nothing sensible left to cut.

    First trials down to 3, then seeds down to 3, then the costliest methods one by one (never the last two).
    """
    cuts: list[Cut] = []
    while (cuts[-1].seconds if cuts else seconds(params)) > budget:
        if params.search.trials > TRIALS:
            fewer = params.search.model_copy(update={"trials": params.search.trials - 1})
            params, change = params.model_copy(update={"search": fewer}), f"search.trials: {fewer.trials}"
        elif len(params.seeds) > SEEDS:
            params = params.model_copy(update={"seeds": params.seeds[:-1]})
            change = f"seeds: {[*params.seeds]}"
        elif len(params.methods) > 2:
            without = {name: seconds(_without(params, name)) for name in params.methods}
            name = min(without, key=lambda method: without[method])
            params, change = _without(params, name), f"leave out method {name}"
        else:
            break
        cuts.append(Cut(change, seconds(params)))
    return cuts


def _without(params: Params, method: str) -> Params:
    methods = {name: declared for name, declared in params.methods.items() if name != method}
    datasets = {
        name: dataset.model_copy(update={"methods": tuple(other for other in dataset.methods if other != method)})
        if dataset.methods is not None
        else dataset
        for name, dataset in params.datasets.items()
    }
    return params.model_copy(update={"methods": methods, "datasets": datasets})
