"""Reads the results folder and makes the frames and sentences that the page shows.

Nothing here knows of HTML or charts. A file that is not there is an absence, which is stated; a file that is broken is
a `DataError`. Every file that was read is remembered with its sha256, so that each number on the page has a source.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LEADERBOARD = (
    *("dataset", "model", "method", "kind", "score", "value", "low", "high", "seed_mean", "seed_sd", "seeds", "group"),
    *("trainable_parameters", "train_seconds", "peak_memory_mb", "checkpoint_mb", "learning_rate"),
)


MANY = 12
"""Methods from which on a page names some of them and counts the others, and folds away what is one thing a method."""
RATE = "learning rate"
"""What a search looks for, unless the method's settings name another `scale`."""
LETTERS = 6
"""Letters of one method that can be told at a glance."""


class Results:
    """The results folder, read file by file; remembers what was read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read: dict[str, str] = {}
        """Path below the folder → sha256."""

    def json(self, *parts: str) -> dict[str, Any] | None:
        path = self._found(parts)
        if path is None:
            return None
        content = files.read_json(path)
        if not isinstance(content, dict):
            raise DataError(f"{path}: found {type(content).__name__}; allowed: an object; delete it and run again")
        return content

    def csv(self, *parts: str) -> pd.DataFrame | None:
        import pandas as pd

        path = self._found(parts)
        if path is None:
            return None
        try:
            return pd.read_csv(path, keep_default_na=False, na_values=[""])  # a method may be called `none`
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not a readable table ({error}); delete it and run again") from None

    def _found(self, parts: tuple[str, ...]) -> Path | None:
        path = self.root.joinpath(*parts)
        if not path.is_file():
            return None
        self.read["/".join(parts)] = files.sha256(path)
        return path


class Panel(NamedTuple):
    """One data set and model: everything that its part of the page is made of."""

    dataset: str
    model: str
    score: str
    board: pd.DataFrame
    """LEADERBOARD columns, best first; methods without a result last, with empty cells."""
    seeds: pd.DataFrame
    """method, seed, value on the test split."""
    comparisons: pd.DataFrame
    trials: pd.DataFrame
    """method, scale (what is searched), trial, state, learning_rate, warmup_ratio, value, chosen, low, high (range)."""
    history: pd.DataFrame
    """method, seed, epoch, value (validation), train_loss."""
    rows: dict[str, int]
    """Rows of each split, where the data card is there."""
    hardware: list[str]
    absent: list[str]
    """A sentence for each thing that should be there and is not."""
    warnings: list[str]
    """A sentence for each best learning rate on the edge of its range."""
    left_out: list[dict[str, str]]
    """`dataset`, `model`, `method`, `reason` of each method or ensemble that turned out not to run here."""

    @property
    def ranked(self) -> pd.DataFrame:
        """Rows of the board that have a result."""
        return self.board[self.board["value"].notna()]


def panels(settings: dict[str, Any], results: Results) -> list[Panel]:
    """One panel for each data set and model with at least one cell, in the order of params."""
    pairs = dict.fromkeys((dataset, model) for dataset, model, _ in settings["cells"])
    return [_panel(settings, results, dataset, model) for dataset, model in pairs]


def leaderboard(found: list[Panel]) -> pd.DataFrame:
    """leaderboard.csv: all panels, best first inside a data set (across its models)."""
    import pandas as pd

    order = {dataset: place for place, dataset in enumerate(dict.fromkeys(panel.dataset for panel in found))}
    frame = pd.concat([panel.board for panel in found], ignore_index=True) if found else _empty(LEADERBOARD)
    frame["order"] = frame["dataset"].map(order)
    frame = frame.sort_values(["order", "value"], ascending=[True, False], kind="stable", na_position="last")
    return frame[list(LEADERBOARD)].reset_index(drop=True)


def learning_curves(found: list[Panel]) -> pd.DataFrame:
    """learning_curves.csv: a row an epoch of each run, with the primary score on validation rows."""
    import pandas as pd

    columns = ("dataset", "model", "method", "seed", "epoch", "train_loss", "validation")
    frames = [
        panel.history.rename(columns={"value": "validation"}).assign(dataset=panel.dataset, model=panel.model)
        for panel in found
        if not panel.history.empty
    ]
    return pd.concat(frames, ignore_index=True)[list(columns)] if frames else _empty(columns)


def metrics(settings: dict[str, Any], results: Results) -> dict[str, Any]:
    """metrics.json: data set → model → method → score → mean over seeds on the test split, for `dvc metrics`."""
    found: dict[str, Any] = {}
    for dataset, model in dict.fromkeys((dataset, model) for dataset, model, _ in settings["cells"]):
        found.setdefault(dataset, {})[model] = results.json("evaluate", dataset, model, "metrics.json") or {}
    return found


# reading


def _panel(settings: dict[str, Any], results: Results, dataset: str, model: str) -> Panel:
    score = settings["datasets"][dataset]["primary"]
    methods = [method for d, m, method in settings["cells"] if (d, m) == (dataset, model)]
    ensembles = [name for d, m, name in settings["ensembles"] if (d, m) == (dataset, model)]
    where = ("evaluate", dataset, model)
    scores = results.csv(*where, "scores.csv")
    comparisons = results.csv(*where, "comparisons.csv")
    groups = results.csv(*where, "groups.csv")
    letters = dict(zip(groups["method"], groups["letters"], strict=True)) if groups is not None else {}
    test = _test(scores, score)
    over_seeds = {row["method"]: row for row in rows(test[test["seed"].isna()])}
    seeds = test[test["seed"].notna()][["method", "seed", "value"]].astype({"seed": int}).reset_index(drop=True)

    runs = {
        (method, seed): ("train", dataset, model, method, f"seed-{seed}")
        for method in methods
        for seed in settings["seeds"]
    }
    costs = {key: results.json(*folder, "cost.json") or {} for key, folder in runs.items()}
    best = {method: results.json("search", dataset, model, method, "best.json") for method in methods}
    about = {key: results.json(*folder, "run.json") or {} for key, folder in runs.items()}
    combined = {name: results.json("ensemble", dataset, model, name, "members.json") for name in ensembles}
    reasons = _left_out(best, about, combined)
    left_out = [{"dataset": dataset, "model": model, "method": name, "reason": why} for name, why in reasons.items()]
    methods = [method for method in methods if method not in reasons]
    ensembles = [name for name in ensembles if name not in reasons]
    board, absent = [], []
    for name, kind in [*((m, "method") for m in methods), *((e, "ensemble") for e in ensembles)]:
        row = {"dataset": dataset, "model": model, "method": name, "kind": kind, "score": score}
        row |= _judged(over_seeds.get(name), seeds[seeds["method"] == name]["value"], letters.get(name))
        if kind == "method":
            mine = [costs[name, seed] for seed in settings["seeds"]]
            described = next((r for s in settings["seeds"] if (r := about[name, s])), {})
            row |= {
                "trainable_parameters": described.get("trainable_parameters"),
                "learning_rate": described.get("learning_rate", (best[name] or {}).get("learning_rate")),
                "train_seconds": _mean(cost.get("train_seconds") for cost in mine),
                "peak_memory_mb": _largest(cost.get("peak_memory_mb") for cost in mine),
                "checkpoint_mb": _mean(cost["checkpoint_bytes"] / 1e6 for cost in mine if "checkpoint_bytes" in cost),
            }
        else:
            row |= _ensemble_cost(combined[name], costs)
        board.append(row)
        if name not in over_seeds:
            absent.append(_why_absent(name, kind, best, costs, settings["seeds"]))
        elif over_seeds[name]["low"] is None:
            absent.append(f"{name}: {over_seeds[name]['note']}.")
    frame = _frame(board, LEADERBOARD).sort_values("value", ascending=False, kind="stable", na_position="last")
    histories = {key: results.csv(*folder, "history.csv") for key, folder in runs.items()}
    tried = {method: results.csv("search", dataset, model, method, "trials.csv") for method in methods}
    scales = {method: settings["methods"][method].get("scale") or RATE for method in tried}
    card = results.json("prepare", dataset, "card.json") or {}
    return Panel(
        dataset=dataset,
        model=model,
        score=score,
        board=frame.reset_index(drop=True),
        seeds=seeds,
        comparisons=comparisons if comparisons is not None else _empty(("a", "b", "distinguishable", "detectable")),
        trials=_trials(tried, best, scales),
        history=_history(histories, score),
        rows=card.get("rows", {}),
        hardware=sorted({str(cost["hardware"]) for cost in costs.values() if cost.get("hardware")}),
        absent=absent,
        warnings=[sentence for method in methods if (sentence := _edge(method, best[method], scales[method]))],
        left_out=left_out,
    )


def _left_out(
    best: dict[str, dict[str, Any] | None],
    about: dict[tuple[str, int], dict[str, Any]],
    combined: dict[str, dict[str, Any] | None],
) -> dict[str, str]:
    """Method or ensemble → why it could not run: as its search found out, or its first run (a row too long, say)."""
    found = {method: content["left_out"] for method, content in best.items() if content and "left_out" in content}
    for (method, _), content in about.items():
        if "left_out" in content:
            found.setdefault(method, content["left_out"])
    found |= {name: content["left_out"] for name, content in combined.items() if content and "left_out" in content}
    return found


def _test(scores: pd.DataFrame | None, score: str) -> pd.DataFrame:
    if scores is None:
        return _empty(("method", "seed", "value", "low", "high", "note"))
    return scores[(scores["split"] == "test") & (scores["score"] == score)]


def _judged(over_seeds: dict[str, Any] | None, seeds: pd.Series, group: str | None) -> dict[str, Any]:
    if over_seeds is None:
        return {}
    return {
        "value": over_seeds["value"],
        "low": over_seeds["low"],
        "high": over_seeds["high"],
        "seed_mean": seeds.mean() if len(seeds) else None,
        "seed_sd": seeds.std(ddof=1) if len(seeds) > 1 else None,
        "seeds": len(seeds) or None,
        "group": group,
    }


def _ensemble_cost(members: dict[str, Any] | None, costs: dict[tuple[str, int], dict[str, Any]]) -> dict[str, Any]:
    """An ensemble costs what its members cost together; memory is that of the largest, as they run one by one."""
    used = []
    for member in (members or {}).get("members", []):
        method, _, seed = member["run"].rpartition("/seed-")
        used.append(costs.get((method, int(seed)), {}))
    if not used or not all("train_seconds" in cost for cost in used):
        return {}
    return {
        "train_seconds": sum(cost["train_seconds"] for cost in used),
        "peak_memory_mb": _largest(cost.get("peak_memory_mb") for cost in used),
        "checkpoint_mb": sum(cost.get("checkpoint_bytes", 0) for cost in used) / 1e6,
    }


def _why_absent(
    name: str,
    kind: str,
    best: dict[str, dict[str, Any] | None],
    costs: dict[tuple[str, int], dict[str, Any]],
    seeds: list[int],
) -> str:
    if kind == "ensemble":
        return f"{name}: no result; the ensemble was not made or not evaluated."
    if best[name] is None:
        return f"{name}: no result; its search did not finish."
    lacking = [str(seed) for seed in seeds if not costs[name, seed]]
    if lacking:
        return f"{name}: no result; training did not finish for seed {', '.join(lacking)}."
    return f"{name}: no result; it was trained but not evaluated."


def _trials(
    tried: dict[str, pd.DataFrame | None], best: dict[str, dict[str, Any] | None], scales: dict[str, str]
) -> pd.DataFrame:
    import pandas as pd

    columns = ("method", "scale", "trial", "state", "learning_rate", "warmup_ratio", "value", "chosen", "low", "high")
    found = []
    for method, frame in tried.items():
        if frame is None or frame.empty:
            continue
        chosen = best[method] or {}
        low, high = chosen.get("range", (frame["learning_rate"].min(), frame["learning_rate"].max()))
        more = {"method": method, "scale": scales[method], "low": low, "high": high}
        found.append(frame.assign(chosen=frame["trial"] == chosen.get("trial"), **more)[list(columns)])
    return pd.concat(found, ignore_index=True) if found else _empty(columns)


def _history(histories: dict[tuple[str, int], pd.DataFrame | None], score: str) -> pd.DataFrame:
    import pandas as pd

    found = [
        frame.rename(columns={f"validation_{score}": "value"})
        .assign(method=method, seed=seed)
        .reindex(columns=["method", "seed", "epoch", "value", "train_loss"])  # no loss where nothing took a step
        for (method, seed), frame in histories.items()
        if frame is not None and len(frame) and f"validation_{score}" in frame
    ]
    return pd.concat(found, ignore_index=True) if found else _empty(("method", "seed", "epoch", "value", "train_loss"))


# places


def lettered(panel: Panel) -> bool:
    """Whether the group letters say at a glance who differs: they are there, and few."""
    groups = panel.ranked["group"]
    return all(isinstance(group, str) and len(group) <= LETTERS for group in groups)


def places(panel: Panel) -> dict[str, str]:
    """Method → the places that it may have by what the comparisons tell: `1–4`.

    It stands behind all that are better by more than chance explains, and before all that are worse.
    """
    names = panel.ranked["method"].tolist()
    apart = [row for row in rows(panel.comparisons) if row["distinguishable"]]
    above, below = Counter(row["b"] for row in apart), Counter(row["a"] for row in apart)
    found = {}
    for name in names:
        first, last = 1 + above[name], len(names) - below[name]
        found[name] = f"{first}–{last}" if first < last else str(first)
    return found


class Pair(NamedTuple):
    """A cell of the matrix of comparisons: places of the better and the other method, from 0."""

    better: int
    other: int
    apart: bool
    told: str


def matrix(panel: Panel) -> list[Pair]:
    """All comparisons by place in the ranking."""
    place = {name: place for place, name in enumerate(panel.ranked["method"])}
    return [
        Pair(
            place[row["a"]],
            place[row["b"]],
            bool(row["distinguishable"]),
            f"{row['a']} before {row['b']} by {number(row['difference'])}, p {p_value(row['p_holm'])}",
        )
        for row in rows(panel.comparisons)
        if row["a"] in place and row["b"] in place
    ]


# sentences


class Verdict(NamedTuple):
    """The answer for one panel: a sentence, what it rests on, and who may be the best."""

    sentence: str
    basis: str
    leaders: list[str]


def verdict(panel: Panel, *, confidence: float) -> Verdict:
    """Who is ahead, with the interval; who cannot be told apart from it; the cheapest of those that are near it."""
    ranked = panel.ranked
    if ranked.empty:
        return Verdict("No method has a result yet.", "", [])
    top = ranked.iloc[0]
    name, value = str(top["method"]), number(top["value"])
    at = f"{value} [{number(top['low'])}–{number(top['high'])}]" if top["low"] == top["low"] else value
    if len(ranked) == 1:
        return Verdict(f"{name} reaches {at}; nothing else has a result to compare it with.", "", [name])
    compared = panel.comparisons
    against = compared[(compared["a"] == name) | (compared["b"] == name)]
    apart = set(against[against["distinguishable"]]["a"]) | set(against[against["distinguishable"]]["b"])
    rivals = [method for method in ranked["method"].iloc[1:] if method not in apart]
    parts = [f"{name} is ahead at {at}"]
    if rivals:
        parts.append(f"it cannot be told apart from {some(rivals)}")
        tied = ranked[ranked["method"].isin([name, *rivals])]
        near, among = _near(tied, against)
        cheapest = _cheapest(near)
        if cheapest is not None:
            itself = f"it is also the cheapest {among}" if cheapest[0] == name else f"cheapest {among}: {cheapest[0]}"
            parts.append(f"{itself} ({duration(cheapest[1])} of training)")
    else:
        parts.append("every other is behind by more than chance explains")
    return Verdict("; ".join(parts) + ".", _basis(panel, against, confidence), [name, *rivals])


def _near(tied: pd.DataFrame, against: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Of those that cannot be told from the best, those that could be recommended in its place, and what to call them.

    A noisy method far behind may not be told apart, and is no advice: one is near where it lies within the difference
    that would mostly go unseen.
    """
    detectable = float(against["detectable"].median())
    near = tied[tied["value"] >= tied["value"].max() - detectable]
    if len(near) in (0, len(tied)):  # none where no difference is known
        return tied, "of these"
    return near, f"of these within {number(detectable)} of it"


def _cheapest(board: pd.DataFrame) -> tuple[str, float] | None:
    known = board.dropna(subset=["train_seconds"])
    if len(known) < len(board):  # what was not measured might be cheaper
        return None
    row = min(rows(known), key=lambda row: row["train_seconds"])
    return str(row["method"]), float(row["train_seconds"])


def _basis(panel: Panel, against: pd.DataFrame, confidence: float) -> str:
    """How much the data could show at all."""
    ranked = panel.ranked
    seeds = int(ranked["seeds"].max()) if ranked["seeds"].notna().any() else 0
    on = f"{panel.rows['test']} test rows and " if "test" in panel.rows else ""
    text = f"{panel.score}, {on}{seeds} seed{'s' if seeds != 1 else ''}; brackets: {confidence:.0%} interval."
    detectable = against["detectable"].dropna()
    if len(detectable):
        text += f" Differences below about {number(float(detectable.median()))} would mostly go unseen here."
    if seeds == 1:
        text += " One seed cannot show how much another would change."
    return text


def _edge(method: str, best: dict[str, Any] | None, scale: str) -> str | None:
    if best is None or not best.get("edge"):
        return None
    low, high = best["range"]
    return (
        f"{method}: its best {scale}, {rate(best['learning_rate'])}, lies at the {best['edge']} end of the range "
        f"searched ({rate(low)} to {rate(high)}); a better one may lie outside."
    )


# numbers in words


def number(value: float | None) -> str:
    """A score: three decimals."""
    return "–" if _nothing(value) else f"{value:.3f}"


def rate(value: float | None) -> str:
    """A learning rate: two digits and a short exponent, as in 2e-5; what is no rate may be 1 or more, as it is."""
    if value is None or _nothing(value):
        return "–"
    if value >= 1:
        return f"{value:.3g}"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    if seconds is None or _nothing(seconds):
        return "–"
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"


def amount(value: float | None) -> str:
    """A count with three digits: 950, 12.3 k, 4.39 M."""
    if value is None or _nothing(value):
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def p_value(value: float | None) -> str:
    if value is None or _nothing(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def some(names: list[str], shown: int = 5) -> str:
    """All names where they are few; else the first ones, and how many more there are."""
    return listed(names) if len(names) <= MANY else f"{', '.join(names[:shown])} and {len(names) - shown} others"


def _nothing(value: float | None) -> bool:
    return value is None or math.isnan(value)


# helpers


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as mappings; what is missing is None."""
    plain = frame.astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Missing cells are None; whole numbers stay whole beside them."""
    import pandas as pd

    frame = pd.DataFrame([[row.get(column) for column in columns] for row in rows], columns=list(columns), dtype=object)
    for column in ("value", "low", "high", "seed_mean", "seed_sd", "train_seconds", "peak_memory_mb", "checkpoint_mb"):
        frame[column] = frame[column].astype(float)
    for column in ("seeds", "trainable_parameters"):
        frame[column] = frame[column].astype("Int64")
    frame["learning_rate"] = frame["learning_rate"].astype(float)
    return frame


def _empty(columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
