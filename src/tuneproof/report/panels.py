"""Reads what one data set and model came to: leaderboard, seeds, comparisons, trials, learning curves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof.report.latency import Latency, measured
from tuneproof.report.results import Results, rows
from tuneproof.report.texts import Text
from tuneproof.report.words import rate, some

if TYPE_CHECKING:
    import pandas as pd

LEADERBOARD = (
    *("dataset", "model", "method", "kind", "score", "value", "low", "high", "seed_mean", "seed_sd", "seeds", "group"),
    *("trainable_parameters", "train_seconds", "peak_memory_mb", "checkpoint_mb", "learning_rate"),
)
RATE = "learning rate"
"""What a search looks for, unless the method's settings name another `scale`."""


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
    absent: list[Text]
    """A sentence for each thing that should be there and is not."""
    warnings: list[Text]
    """A sentence for each best learning rate on the edge of its range."""
    left_out: list[dict[str, str]]
    """`dataset`, `model`, `method`, `reason` of each method or ensemble that turned out not to run here."""
    chosen: dict[str, dict[str, Any]]
    """Method → its best.json and the settings that its first run names."""
    latency: Latency

    @property
    def ranked(self) -> pd.DataFrame:
        """Rows of the board that have a result."""
        return self.board[self.board["value"].notna()]


def panels(settings: dict[str, Any], results: Results) -> list[Panel]:
    """One panel for each data set and model with at least one cell, in the order of params."""
    pairs = dict.fromkeys((dataset, model) for dataset, model, _ in settings["cells"])
    return [_panel(settings, results, dataset, model) for dataset, model in pairs]


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
    board: list[dict[str, Any]] = []
    absent: list[Text] = []
    undefined: dict[str, list[str]] = {}
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
            undefined.setdefault(over_seeds[name]["note"], []).append(name)
    absent += [Text("absent_interval", name=some(names), note=note) for note, names in undefined.items()]
    frame = frame_of(board, LEADERBOARD).sort_values("value", ascending=False, kind="stable", na_position="last")
    histories = {key: results.csv(*folder, "history.csv") for key, folder in runs.items()}
    tried = {method: results.csv("search", dataset, model, method, "trials.csv") for method in methods}
    scales = {method: settings["methods"][method].get("scale") or RATE for method in tried}
    card = results.json("prepare", dataset, "card.json") or {}
    judged = [method for method in methods if method in over_seeds]
    return Panel(
        dataset=dataset,
        model=model,
        score=score,
        board=frame.reset_index(drop=True),
        seeds=seeds,
        comparisons=comparisons if comparisons is not None else empty(("a", "b", "distinguishable", "detectable")),
        trials=_trials(tried, best, scales),
        history=_history(histories, score),
        rows=card.get("rows", {}),
        hardware=sorted({str(cost["hardware"]) for cost in costs.values() if cost.get("hardware")}),
        absent=absent,
        warnings=[sentence for method in methods if (sentence := _edge(method, best[method], scales[method]))],
        left_out=left_out,
        chosen={method: {**(best[method] or {}), **_settings(about, method, settings["seeds"])} for method in methods},
        latency=measured(results, (dataset, model), judged, costs, card.get("rows", {})),
    )


def _settings(about: dict[tuple[str, int], dict[str, Any]], method: str, seeds: list[int]) -> dict[str, Any]:
    """Settings of a method's first run that is there."""
    found = next((run for seed in seeds if (run := about[method, seed])), {})
    names = ("learning_rate", "warmup_ratio", "weight_decay", "dropout", "best_epoch", "steps", "precision", "device")
    return {name: found[name] for name in names if name in found}


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
        return empty(("method", "seed", "value", "low", "high", "note"))
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
    averaged = (members or {}).get("checkpoint")  # a soup is one model
    stored = sum(entry["bytes"] for entry in averaged.values()) if averaged else None
    return {
        "train_seconds": sum(cost["train_seconds"] for cost in used),
        "peak_memory_mb": _largest(cost.get("peak_memory_mb") for cost in used),
        "checkpoint_mb": (stored or sum(cost.get("checkpoint_bytes", 0) for cost in used)) / 1e6,
    }


def _why_absent(
    name: str,
    kind: str,
    best: dict[str, dict[str, Any] | None],
    costs: dict[tuple[str, int], dict[str, Any]],
    seeds: list[int],
) -> Text:
    if kind == "ensemble":
        return Text("absent_ensemble", name=name)
    if best[name] is None:
        return Text("absent_search", name=name)
    lacking = [str(seed) for seed in seeds if not costs[name, seed]]
    if lacking:
        return Text("absent_training", name=name, seeds=", ".join(lacking))
    return Text("absent_evaluation", name=name)


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
    return pd.concat(found, ignore_index=True) if found else empty(columns)


def _history(histories: dict[tuple[str, int], pd.DataFrame | None], score: str) -> pd.DataFrame:
    import pandas as pd

    found = [
        frame.rename(columns={f"validation_{score}": "value"})
        .assign(method=method, seed=seed)
        .reindex(columns=["method", "seed", "epoch", "value", "train_loss"])  # no loss where nothing took a step
        for (method, seed), frame in histories.items()
        if frame is not None and len(frame) and f"validation_{score}" in frame
    ]
    return pd.concat(found, ignore_index=True) if found else empty(("method", "seed", "epoch", "value", "train_loss"))


def _edge(method: str, best: dict[str, Any] | None, scale: str) -> Text | None:
    if best is None or not best.get("edge"):
        return None
    low, high = map(rate, best["range"])
    named = Text("chart_learning_rate") if scale == RATE else scale
    values = {"method": method, "scale": named, "rate": rate(best["learning_rate"]), "low": low, "high": high}
    return Text("edge_low" if best["edge"] == "low" else "edge_high", **values)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def frame_of(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Missing cells are None; whole numbers stay whole beside them."""
    import pandas as pd

    frame = pd.DataFrame([[row.get(column) for column in columns] for row in rows], columns=list(columns), dtype=object)
    for column in ("value", "low", "high", "seed_mean", "seed_sd", "train_seconds", "peak_memory_mb", "checkpoint_mb"):
        frame[column] = frame[column].astype(float)
    for column in ("seeds", "trainable_parameters"):
        frame[column] = frame[column].astype("Int64")
    frame["learning_rate"] = frame["learning_rate"].astype(float)
    return frame


def empty(columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
