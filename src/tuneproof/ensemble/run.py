"""The ensemble stage: several runs of one data set and model answer together.

Reads the members' predictions, writes `predictions.parquet` (validation and test) and `members.json`; combinations that
make one model of the members read their checkpoints too, and write `checkpoint/`. What is fitted or chosen looks at the
validation split alone: the prepared test rows, which hold labels, are not opened here. Runs that were left out are no
members. Where all of them were, or the combination is not defined for them, the ensemble is left out as well:
predictions without rows, and `left_out` in `members.json`.
"""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import ensemble, registry, tasks
from tuneproof.errors import DataError, MethodError
from tuneproof.evaluate.predictions import SPLITS, answering, read
from tuneproof.files import read_frame, read_json, sha256, write_frame, write_json

if TYPE_CHECKING:
    from tuneproof.ensemble.base import Combination, Combined, Members, Stored


def run(
    settings: dict[str, Any],
    prepared: Path,
    runs: dict[str, Path],
    out: Path,
    *,
    model: Path | None = None,
    tokens: Path | None = None,
) -> None:
    """Combine the runs that match.

    `settings`: `task`, `name`, `members` (patterns over `method/seed-N`), `combine` (a combination's name and options),
    `frozen_body` (methods whose bodies are the pre-trained one). `runs` maps `method/seed-N` to a predictions file.
    `model` (folder of the pre-trained one) and `tokens` (folder of the tokenized splits) are needed for combinations
    with `one_model`. Raises `DataError` where no run matches.
    """
    declared = settings["combine"]
    combination: Combination = registry.build(ensemble.COMBINATIONS, declared)
    task = tasks.get(settings["task"])
    wanted = select(settings["name"], settings["members"], list(runs))
    names = list(answering({name: runs[name] for name in wanted}))
    about = {"name": settings["name"], "combine": declared["name"], "score": task.primary}
    about |= {"options": {key: value for key, value in declared.items() if key != "name"}}
    unanswered = [name for name in wanted if name not in names]
    try:
        if not names:
            raise MethodError("each of its members was left out")
        stored = _stored(settings["name"], combination, runs, model, tokens, out)
        members = _members(settings, prepared, {name: runs[name] for name in names}, stored)
        combined = combination.combine(members)
    except MethodError as error:
        reason = " ".join(str(error).split())
        _leave_out(out, {**about, "left_out": reason, "members": [], "unanswered": unanswered}, task.answers)
        return
    if not combination.one_model and (out / "checkpoint").exists():  # of an earlier combination of this name
        shutil.rmtree(out / "checkpoint")
    _write(out, members, combined)
    used = [name for name, weight in zip(names, combined.weights, strict=True) if weight]
    frozen = settings.get("frozen_body", [])
    write_json(
        out / "members.json",
        {
            **about,
            "validation": members.score(combined.answers["validation"]),
            "members": [
                {"run": name, "weight": weight, "sha256": sha256(runs[name])}
                for name, weight in zip(names, combined.weights, strict=True)
                if weight
            ],
            "unused": [name for name in names if name not in used],
            "unanswered": unanswered,
            "forward_passes": 1 if combination.one_model else passes(used, frozen),
            "path": [],
            **combined.about,
        },
    )


def select(name: str, patterns: list[str], runs: list[str]) -> list[str]:
    """Runs that match a pattern (as in `full/*`), sorted. Raises `DataError` where none does."""
    found = sorted(run for run in runs if any(fnmatchcase(run, pattern) for pattern in patterns))
    if not found:
        available = ", ".join(sorted(runs)) or "none"
        raise DataError(f"ensembles.{name}.members: no run matches {', '.join(patterns)}; runs: {available}")
    return found


def passes(members: list[str], frozen_body: list[str]) -> int:
    """How many bodies a text goes through: one a member; those with the pre-trained body share one pass."""
    bodies = {"" if member.rpartition("/")[0] in frozen_body else member for member in members}
    return len(bodies)


def _members(settings: dict[str, Any], prepared: Path, runs: dict[str, Path], stored: Stored | None) -> Members:
    from tuneproof.ensemble.base import Members

    gold = read_frame(prepared / "validation.parquet")
    first = read_frame(next(iter(runs.values())))
    rows = {"validation": gold[["id"]], "test": first.loc[first["split"] == "test", ["id"]]}
    answers = [read(path, rows) for path in runs.values()]
    return Members(
        task=tasks.get(settings["task"]),
        labels=read_json(prepared / "card.json")["labels"],
        names=list(runs),
        answers={split: [member[split] for member in answers] for split in SPLITS},
        gold=gold,
        stored=stored,
    )


def _stored(
    name: str, combination: Combination, runs: dict[str, Path], model: Path | None, tokens: Path | None, out: Path
) -> Stored | None:
    from tuneproof.ensemble.base import Stored

    if not combination.one_model:
        return None
    if model is None or tokens is None:
        raise DataError(f"ensembles.{name}: the members become one model; needed: --model and --tokens")
    return Stored({run: path.parent for run, path in runs.items()}, model, tokens, out)


def _write(out: Path, members: Members, combined: Combined) -> None:
    import pandas as pd

    ids = {split: frames[0]["id"].to_numpy() for split, frames in members.answers.items()}
    parts = [pd.DataFrame({"id": ids[split], "split": split, **combined.answers[split]}) for split in SPLITS]
    write_frame(out / "predictions.parquet", pd.concat(parts, ignore_index=True))


def _leave_out(out: Path, about: dict[str, Any], columns: tuple[str, ...]) -> None:
    import pandas as pd

    if (out / "checkpoint").exists():
        shutil.rmtree(out / "checkpoint")
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in ("id", "split", *columns)})
    write_frame(out / "predictions.parquet", empty)
    write_json(out / "members.json", about)
