"""What a search's trials tell about the search: was the budget enough, and which setting mattered?

Works on arrays alone. Trials count as draws from the search space; a guided search draws better than that later on, so
that the curves are those of a plain random search over the same values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.statistics import Test

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
"""Fewer complete trials than this say nothing about importance: a tree would split noise."""


class Expected(NamedTuple):
    """Expected best validation score of `trials` trials: `with_replacement` (Dodge) and `without` (unbiased)."""

    trials: int
    with_replacement: float
    without: float


def expected_best(values: Sequence[float]) -> list[Expected]:
    """For 1 to N trials, the expected best score, from N scores (greater is better).

    `with_replacement` is Dodge et al. (2019, arXiv 1909.03004, equation 3): Σ vᵢ · ((i ÷ N)ⁿ − ((i − 1) ÷ N)ⁿ) over
    scores in rising order. It is too low on average; `without` is the mean over all subsets of n trials, Σ vᵢ ·
    C(i − 1, n − 1) ÷ C(N, n), which is not (Tang et al. 2020, ACL 2020.acl-main.246).
    """
    ordered = sorted(value for value in values if not math.isnan(value))
    total = len(ordered)
    return [
        Expected(
            n,
            sum(v * ((i / total) ** n - ((i - 1) / total) ** n) for i, v in enumerate(ordered, start=1)),
            sum(v * (math.comb(i - 1, n - 1) / math.comb(total, n)) for i, v in enumerate(ordered, start=1)),
        )
        for n in range(1, total + 1)
    ]


def ranking_holds(half: Sequence[float], whole: Sequence[float]) -> tuple[Test, float]:
    """Kendall's τ-b (−1 to 1) between the methods' best scores of half the budget and of all of it.

    Returns p with a note, and τ; both NaN where there is no ranking. 1: half the budget would have ranked them alike.
    """
    from scipy.stats import kendalltau

    pairs = [(x, y) for x, y in zip(half, whole, strict=True) if not (math.isnan(x) or math.isnan(y))]
    if len(pairs) < 2:
        return Test(math.nan, f"ranking not defined: {'one method' if pairs else 'no method'}"), math.nan
    found = kendalltau(*zip(*pairs, strict=True))
    if math.isnan(found.statistic):
        return Test(math.nan, "ranking not defined: all methods have the same score"), math.nan
    left_out = len(half) - len(pairs)
    note = f"{left_out} of {len(half)} methods have no complete trial in half the budget" if left_out else ""
    return Test(float(found.pvalue), note), float(found.statistic)


def importances(
    trials: pd.DataFrame, ranges: dict[str, tuple[float, float]], *, seed: int = 0
) -> tuple[dict[str, float], str]:
    """Share of the variance of the score that each setting explains: fANOVA (Hutter et al. 2014, ICML), by optuna.

    `trials` has complete trials with a column `value` and one of each setting; `ranges` their bounds, that of
    `learning_rate` on a log scale. Shares add up to 1. Where they are not defined: an empty mapping, and why.
    """
    used = {name: ends for name, ends in ranges.items() if ends[0] < ends[1]}
    if len(trials) < FEWEST:
        return {}, f"importances not defined: {len(trials)} complete trials, fewer than {FEWEST}"
    if len(used) < 2:
        return {}, "importances not defined: one setting was searched"
    if trials["value"].nunique() < 2:
        return {}, "importances not defined: the same score in every trial"

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(low, high, log=name == "learning_rate")
        for name, (low, high) in used.items()
    }
    study = optuna.create_study(direction="maximize")
    for values in trials[[*used, "value"]].itertuples(index=False):
        *settings, value = (float(entry) for entry in values)
        inside = {  # a range that was written with other digits must not make a trial fall outside of it
            name: min(max(setting, low), high)
            for setting, (name, (low, high)) in zip(settings, used.items(), strict=True)
        }
        study.add_trial(optuna.trial.create_trial(params=inside, distributions=space, value=value))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}, ""
