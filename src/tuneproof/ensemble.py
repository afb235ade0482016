"""The ensemble stage: several runs of one data set and model answer together.

Reads the members' predictions, writes `predictions.parquet` (validation and test) and `members.json`. Greedy selection
looks at the validation split alone; the test split is combined afterwards with the weights found there, and its
prepared rows, which hold labels, are not opened here. Runs that were left out are no members; where all of them were,
the ensemble is left out as well: predictions without rows, and `left_out` in `members.json`.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import tasks
from tuneproof.errors import DataError
from tuneproof.evaluate.predictions import SPLITS, answering, read
from tuneproof.files import read_frame, read_json, sha256, write_frame, write_json

if TYPE_CHECKING:
    import pandas as pd

    from tuneproof.tasks.base import Task


def run(settings: dict[str, Any], prepared: Path, runs: dict[str, Path], out: Path) -> None:
    """Combine the runs that match.

    `settings`: `task`, `name`, `members` (patterns over `method/seed-N`), `combine` (`mean` or `greedy`), `size`
    (greedy: most picks). `runs` maps `method/seed-N` to a predictions file. Raises `DataError` where no run matches.
    """
    import pandas as pd

    task = tasks.get(settings["task"])
    labels = read_json(prepared / "card.json")["labels"]
    wanted = select(settings["name"], settings["members"], list(runs))
    names = list(answering({name: runs[name] for name in wanted}))
    unanswered = [name for name in wanted if name not in names]
    about = {"name": settings["name"], "combine": settings["combine"], "score": task.primary}
    if not names:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in ("id", "split", *task.answers)})
        write_frame(out / "predictions.parquet", empty)
        reason = "each of its members was left out"
        write_json(out / "members.json", {**about, "left_out": reason, "members": [], "unanswered": unanswered})
        return
    gold = read_frame(prepared / "validation.parquet")
    first = read_frame(runs[names[0]])
    rows = {"validation": gold[["id"]], "test": first.loc[first["split"] == "test", ["id"]]}
    members = [read(runs[name], rows) for name in names]

    path: list[dict[str, Any]] = []
    weights = [1 / len(names)] * len(names)
    if settings["combine"] == "greedy":
        validation = [member["validation"] for member in members]
        picks, values = greedy(task, gold, validation, labels, size=settings["size"])
        if values[0] == -math.inf:
            raise DataError(f"ensembles.{settings['name']}: no member has a {task.primary} on the validation split")
        path = [{"run": names[pick], "value": value} for pick, value in zip(picks, values, strict=True)]
        kept = picks[: values.index(max(values)) + 1]
        weights = [kept.count(place) / len(kept) for place in range(len(names))]

    used = [(name, member, weight) for name, member, weight in zip(names, members, weights, strict=True) if weight]
    predictions = []
    for split in SPLITS:
        columns = task.combine([member[split] for _, member, _ in used], [weight for *_, weight in used], labels)
        predictions.append(pd.DataFrame({"id": rows[split]["id"].to_numpy(), "split": split, **columns}))
    write_frame(out / "predictions.parquet", pd.concat(predictions, ignore_index=True))
    write_json(
        out / "members.json",
        {
            **about,
            "validation": _primary(task, gold, predictions[0]),
            "members": [{"run": name, "weight": weight, "sha256": sha256(runs[name])} for name, _, weight in used],
            "unused": [name for name, weight in zip(names, weights, strict=True) if not weight],
            "unanswered": unanswered,
            "path": path,
        },
    )


def select(ensemble: str, patterns: list[str], runs: list[str]) -> list[str]:
    """Runs that match a pattern (as in `full/*`), sorted. Raises `DataError` where none does."""
    found = sorted(name for name in runs if any(fnmatchcase(name, pattern) for pattern in patterns))
    if not found:
        available = ", ".join(sorted(runs)) or "none"
        raise DataError(f"ensembles.{ensemble}.members: no run matches {', '.join(patterns)}; runs: {available}")
    return found


def greedy(
    task: Task, gold: pd.DataFrame, members: list[pd.DataFrame], labels: list[str], *, size: int
) -> tuple[list[int], list[float]]:
    """Forward selection with replacement (Caruana et al. 2004, Ensemble Selection from Libraries of Models).

    `size` times the member is added that makes the best primary score on `gold`; of equally good ones the first.
    Returns the picks (places in `members`) and the score after each, −∞ where it is not defined. The best ensemble is
    the shortest of the best prefixes: scores may fall again after their peak.
    """
    picks: list[int] = []
    values: list[float] = []
    for _ in range(size):
        scored = [_value(task, gold, members, [*picks, candidate], labels) for candidate in range(len(members))]
        values.append(max(scored))
        picks.append(scored.index(max(scored)))
    return picks, values


def _value(task: Task, gold: pd.DataFrame, members: list[pd.DataFrame], picks: list[int], labels: list[str]) -> float:
    import pandas as pd

    chosen = sorted(set(picks))
    weights = [picks.count(place) / len(picks) for place in chosen]
    combined = pd.DataFrame(task.combine([members[place] for place in chosen], weights, labels))
    value = _primary(task, gold, combined)
    return -math.inf if value is None else value


def _primary(task: Task, gold: pd.DataFrame, predicted: pd.DataFrame) -> float | None:
    """Primary score; None where a prediction is NaN (a member that diverged) or the score is not defined."""
    value = math.nan if predicted["prediction"].isna().any() else task.evaluate(gold, predicted)[task.primary]
    return None if math.isnan(value) else value
