"""What holds over all data sets, and what the searches tell: tables from other tables, one job an experiment.

Reads `scores.csv` of every data set and model and every search's `trials.csv` and `best.json`; writes `across`,
`ranks`, `friedman`, `search`, `expected_best`, `half_budget` and `trials` as CSV and as Parquet (docs/statistics.md
explains every column). Methods are compared over data sets, model by model; ensembles are not among them. Equal input
gives equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, statistics
from tuneproof.errors import DataError
from tuneproof.evaluate import tables
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, TRUTH, rounded
from tuneproof.statistics import across, trials

if TYPE_CHECKING:
    import pandas as pd

PAIRS = {
    **dict.fromkeys(("model", "a", "b"), TEXT),
    "datasets": COUNT,
    "difference": NUMBER,
    **dict.fromkeys(("wins", "ties", "losses"), COUNT),
    **dict.fromkeys(("p_wilcoxon", "p_wilcoxon_holm", "p_nemenyi"), NUMBER),
    "distinguishable": TRUTH,
    **dict.fromkeys(("probability_a", "probability_rope", "probability_b"), NUMBER),
    "note": TEXT,
}
RANKS = {"model": TEXT, "method": TEXT, "datasets": COUNT, "mean_rank": NUMBER, "letters": TEXT}
FRIEDMAN = {
    "model": TEXT,
    **dict.fromkeys(("datasets", "methods"), COUNT),
    **dict.fromkeys(("chi2", "p", "f", "p_f", "critical_difference"), NUMBER),
    "note": TEXT,
}
SEARCH = {
    **dict.fromkeys(("dataset", "model", "method", "score"), TEXT),
    **dict.fromkeys(("trials", "complete", "pruned", "diverged"), COUNT),
    **dict.fromkeys(("share_pruned", "best", "best_half", "learning_rate", "low", "high"), NUMBER),
    "edge": TEXT,
    "note": TEXT,
}
IMPORTANCES = {**dict.fromkeys(("dataset", "model", "method", "setting"), TEXT), "share": NUMBER, "note": TEXT}
EXPECTED = {
    **dict.fromkeys(("dataset", "model", "method"), TEXT),
    "trials": COUNT,
    **dict.fromkeys(("expected", "expected_unbiased"), NUMBER),
}
HALF = {
    **dict.fromkeys(("dataset", "model"), TEXT),
    **dict.fromkeys(("methods", "trials", "half"), COUNT),
    **dict.fromkeys(("tau", "p"), NUMBER),
    "same_winner": TRUTH,
    "note": TEXT,
}
TRIALS = {
    **dict.fromkeys(("dataset", "model", "method"), TEXT),
    "trial": COUNT,
    "state": TEXT,
    **dict.fromkeys(("learning_rate", "warmup_ratio", "weight_decay", "dropout"), NUMBER),
    "epochs": COUNT,
    "value": NUMBER,
}


class Searched(NamedTuple):
    """One cell's search as its files tell it."""

    dataset: str
    model: str
    method: str
    best: dict[str, Any]
    trials: pd.DataFrame


def run(settings: dict[str, Any], results: Path, out: Path) -> None:
    """Write all tables.

    `settings`: `cells` ([dataset, model, method]), `datasets` (name → `primary`, `family`), `evaluation`
    (`confidence`, `rope`, `seed`), `ranges` (setting → bounds, but for the learning rate). Tables that are not there
    are absent from the outcome; raises `DataError` where one is broken.
    """
    cells = [tuple(cell) for cell in settings["cells"]]
    pairs: list[dict[str, Any]] = []
    ranks: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for model in dict.fromkeys(model for _, model, _ in cells):
        values = _values(settings, results, model, [cell for cell in cells if cell[1] == model])
        ranked, test = _ranked(values, settings["evaluation"])
        ranks += [{"model": model, **row} for row in ranked]
        tests.append({"model": model, **test})
        pairs += [{"model": model, **row} for row in _compare(values, ranked, test, settings["evaluation"])]
    searches = [_searched(results, *cell) for cell in cells]
    tables.write(out, "across", PAIRS, pairs)
    tables.write(out, "ranks", RANKS, ranks)
    tables.write(out, "friedman", FRIEDMAN, tests)
    tables.write(out, "search", SEARCH, [_search(one) for one in searches])
    tables.write(out, "importances", IMPORTANCES, [row for one in searches for row in _importances(one, settings)])
    tables.write(out, "expected_best", EXPECTED, [row for one in searches for row in _expected(one)])
    tables.write(out, "half_budget", HALF, list(_half_budget(searches)))
    tables.write(out, "trials", TRIALS, [row for one in searches for row in _trials(one)])


# data sets


def _values(
    settings: dict[str, Any], results: Path, model: str, cells: list[tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Data set → method → primary score on the test split, over all seeds; what has no score is not in it.

    Sizes and draws of one declaration share rows, and are no data sets of their own: their mean counts, of the methods
    that have a score on each.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for dataset in dict.fromkeys(dataset for dataset, *_ in cells):
        path = results / "evaluate" / dataset / model / "scores.csv"
        frame = table(path)
        if frame is None:
            continue
        primary = settings["datasets"][dataset]["primary"]
        wanted = {method for d, _, method in cells if d == dataset}
        try:
            mine = frame[(frame["split"] == "test") & (frame["score"] == primary) & frame["seed"].isna()]
            mine = mine[(mine["kind"] == "method") & mine["value"].notna()]
            values = dict(zip(mine["method"], mine["value"].astype(float), strict=True))
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: not a table of scores ({error}); delete it and run again") from None
        family = settings["datasets"][dataset].get("family", dataset)
        found.setdefault(family, {})[dataset] = {m: value for m, value in values.items() if m in wanted}
    return {family: _mean(list(members.values())) for family, members in found.items()}


def _mean(members: list[dict[str, float]]) -> dict[str, float]:
    """Method → mean score over all members; without the methods that lack one."""
    whole = [method for method in members[0] if all(method in values for values in members)]
    return {method: sum(values[method] for values in members) / len(members) for method in whole}


def complete(values: dict[str, dict[str, float]]) -> tuple[list[str], list[str]]:
    """Data sets and methods that form the largest table without gaps (most cells; then most data sets).

    Data sets with few methods are given up first, as each of them narrows the choice of methods for all.
    """
    datasets = sorted(values, key=lambda name: len(values[name]))
    options = []
    for place in range(len(datasets)):
        kept = [name for name in values if name in datasets[place:]]
        methods = [m for m in values[kept[0]] if all(m in values[name] for name in kept)]
        many = len(kept) > 1 and len(methods) > 1  # what can be tested comes before what cannot
        options.append((many, len(kept) * len(methods), len(kept), kept, methods))
    if not options:
        return [], []
    *_, kept, methods = max(options, key=lambda option: option[:3])
    return kept, methods


def _ranked(
    values: dict[str, dict[str, float]], evaluation: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of `ranks`, best first, and the row of `friedman`."""
    import numpy as np

    datasets, methods = complete(values)
    scores = np.array([[values[d][m] for m in methods] for d in datasets]).reshape(len(datasets), len(methods))
    found = across.friedman(scores, confidence=evaluation["confidence"])
    order = sorted(
        range(len(methods)), key=lambda place: (math.isnan(found.mean_ranks[place]), found.mean_ranks[place])
    )
    names = [methods[place] for place in order]
    apart = found.critical_difference
    different = [
        (methods[i], methods[j])
        for i, j in combinations(order, 2)
        if not math.isnan(apart) and found.mean_ranks[j] - found.mean_ranks[i] >= apart
    ]
    letters = statistics.letters(names, different)
    rows = [
        {
            "method": methods[place],
            "datasets": len(datasets),
            "mean_rank": rounded(float(found.mean_ranks[place])),
            "letters": letters[methods[place]] if not math.isnan(apart) else None,
        }
        for place in order
    ]
    gone = [name for name in values if name not in datasets]
    missing = [m for m in dict.fromkeys(m for scores in values.values() for m in scores) if m not in methods]
    notes = [found.note]
    notes += [f"without data sets {', '.join(gone)}, where other methods ran"] if gone else []
    notes += [f"without methods {', '.join(missing)}, which have no score on every data set"] if missing else []
    test = {
        "datasets": len(datasets),
        "methods": len(methods),
        **{name: _finite(getattr(found, name)) for name in ("chi2", "p", "f", "p_f", "critical_difference")},
        "note": "; ".join(note for note in notes if note),
    }
    return rows, test


def _compare(
    values: dict[str, dict[str, float]],
    ranked: list[dict[str, Any]],
    test: dict[str, Any],
    evaluation: dict[str, Any],
) -> list[dict[str, Any]]:
    """All pairs of methods, the better one as `a`, each over the data sets that both have a score on."""
    import numpy as np

    methods = dict.fromkeys(method for scores in values.values() for method in scores)
    ranks = {row["method"]: row["mean_rank"] for row in ranked if row["mean_rank"] is not None}
    rows, tests = [], []
    for pair in combinations(methods, 2):
        common = [scores for scores in values.values() if all(method in scores for method in pair)]
        apart = np.array([scores[pair[0]] - scores[pair[1]] for scores in common])
        a, b = pair if not len(apart) or apart.mean() >= 0 else pair[::-1]
        apart = apart if (a, b) == pair else -apart
        wilcoxon = across.wilcoxon(apart)
        bayes = across.bayesian_signed_rank(apart, rope=evaluation["rope"], seed=evaluation["seed"])
        nemenyi = None
        if test["critical_difference"] is not None and a in ranks and b in ranks:
            nemenyi = across.nemenyi(ranks[a] - ranks[b], methods=test["methods"], sets=test["datasets"])
        tests.append(wilcoxon.p)
        rows.append(
            {
                "a": a,
                "b": b,
                "datasets": len(apart),
                "difference": rounded(float(apart.mean())) if len(apart) else None,
                "wins": int((apart > 0).sum()),
                "ties": int((apart == 0).sum()),
                "losses": int((apart < 0).sum()),
                "p_wilcoxon": rounded(wilcoxon.p),
                "p_nemenyi": rounded(nemenyi),
                "distinguishable": nemenyi is not None and nemenyi < 1 - evaluation["confidence"],
                "probability_a": rounded(bayes.a),
                "probability_rope": rounded(bayes.rope),
                "probability_b": rounded(bayes.b),
                "note": "; ".join(dict.fromkeys(note for note in (wilcoxon.note, bayes.note) if note)),
            }
        )
    for row, corrected in zip(rows, statistics.holm(tests), strict=True):
        row["p_wilcoxon_holm"] = rounded(corrected)
    return rows


# searches


def _searched(results: Path, dataset: str, model: str, method: str) -> Searched:
    import pandas as pd

    folder = results / "search" / dataset / model / method
    best = files.read_json(folder / "best.json") if (folder / "best.json").is_file() else {}
    frame = table(folder / "trials.csv")
    columns = ["trial", "state", "learning_rate", "warmup_ratio", "epochs", "value"]
    if frame is None:
        frame = pd.DataFrame(columns=columns)
    try:
        frame = frame[[*columns, *(name for name in frame if name not in columns)]]
        numbers = [name for name in frame if name != "state"]
        frame = frame.assign(**{str(name): pd.to_numeric(frame[name]) for name in numbers})
        frame = frame.astype({"trial": int, "epochs": int})
        if not isinstance(best, dict):
            raise TypeError(f"best.json holds {type(best).__name__}")
        if "learning_rate" in best:
            low, high = best["range"]
            found = {name: float(best[name]) for name in ("value", "learning_rate")}
            best = {**best, **found, "range": (float(low), float(high)), "edge": best["edge"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder}: not what a search writes ({error}); delete it and run again") from None
    return Searched(dataset, model, method, best, frame)


def _search(one: Searched) -> dict[str, Any]:
    frame, best = one.trials, one.best
    row: dict[str, Any] = {"dataset": one.dataset, "model": one.model, "method": one.method}
    states = frame["state"].value_counts()
    row |= {"trials": len(frame), **{state: int(states.get(state, 0)) for state in ("complete", "pruned", "diverged")}}
    if "learning_rate" not in best or frame.empty:
        reason = f"left out: {best['left_out']}" if "left_out" in best else "the search did not finish"
        return {**row, "score": best.get("score"), "note": reason}
    low, high = best["range"]
    return {
        **row,
        "score": best["score"],
        "share_pruned": rounded(row["pruned"] / len(frame)),
        "best": rounded(best["value"]),
        "best_half": rounded(_best(frame, half=True)),
        "learning_rate": rounded(best["learning_rate"]),
        "low": low,
        "high": high,
        "edge": best["edge"],
    }


def _importances(one: Searched, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row a setting that was searched, the most important one first; where they are not defined, each says why."""
    if "learning_rate" not in one.best or one.trials.empty:
        return
    done = one.trials[one.trials["state"] == "complete"]
    ranges = {"learning_rate": tuple(one.best["range"]), **{k: tuple(v) for k, v in settings["ranges"].items()}}
    found, note = trials.importances(done, {name: ends for name, ends in ranges.items() if name in done})
    for name in found or ranges:
        about = {"dataset": one.dataset, "model": one.model, "method": one.method}
        yield {**about, "setting": name, "share": rounded(found.get(name)), "note": note}


def _best(frame: pd.DataFrame, *, half: bool = False) -> float:
    """The best score of the complete trials, or of those in the first half (rounded up) of all; NaN where none is."""
    kept = frame.iloc[: (len(frame) + 1) // 2] if half else frame
    value = kept.loc[kept["state"] == "complete", "value"].max()
    return math.nan if value is None else float(value)


def _expected(one: Searched) -> Iterator[dict[str, Any]]:
    """Pruned trials count with the score that they were stopped at; diverged ones have none."""
    for entry in trials.expected_best([float(value) for value in one.trials["value"].dropna()]):
        yield {
            "dataset": one.dataset,
            "model": one.model,
            "method": one.method,
            "trials": entry.trials,
            "expected": rounded(entry.with_replacement),
            "expected_unbiased": rounded(entry.without),
        }


def _half_budget(searches: list[Searched]) -> Iterator[dict[str, Any]]:
    """For each data set and model: would half the trials have ranked the methods alike?"""
    for dataset, model in dict.fromkeys((one.dataset, one.model) for one in searches):
        mine = [one for one in searches if (one.dataset, one.model) == (dataset, model) and len(one.trials)]
        whole, half = [_best(one.trials) for one in mine], [_best(one.trials, half=True) for one in mine]
        test, tau = trials.ranking_holds(half, whole)
        most = max((len(one.trials) for one in mine), default=0)
        same = None
        if not math.isnan(tau):
            first = max(value for value in half if not math.isnan(value))
            # the winner of half the budget is among the winners of all of it
            tops = [y for x, y in zip(half, whole, strict=True) if x == first]
            same = max(tops) == max(value for value in whole if not math.isnan(value))
        yield {
            "dataset": dataset,
            "model": model,
            "methods": len(mine),
            "trials": most,
            "half": (most + 1) // 2,
            "tau": rounded(tau),
            "p": rounded(test.p),
            "same_winner": same,
            "note": test.note,
        }


def _trials(one: Searched) -> Iterator[dict[str, Any]]:
    for record in one.trials.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        yield {
            "dataset": one.dataset,
            "model": one.model,
            "method": one.method,
            "trial": int(row["trial"]),
            "state": row["state"],
            **{name: rounded(float(row[name])) for name in TRIALS if name in row and TRIALS[name] == NUMBER},
            "epochs": int(row["epochs"]),
        }


# helpers


def table(path: Path) -> pd.DataFrame | None:
    """A table as the stages write them; None where it is not there."""
    import pandas as pd

    if not path.is_file():
        return None
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])  # a method may be called `none`
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable table ({error}); delete it and run again") from None


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else rounded(value)
