"""A number's address: `results/report/leaderboard.csv:tweet-ner/lora/entity_f1`.

The file says which results folder is meant, and for tables of one data set and model also these; what follows the colon
names the rest: data set, model, method or ensemble, seed, split, score. What can be only one thing may be left out.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError, TuneproofError
from tuneproof.trace.experiment import Ensemble, Experiment, Run

EXAMPLE = "results/report/leaderboard.csv:tweet-ner/lora/entity_f1"
DEPTH = {
    ("report", "leaderboard.csv"): 2,
    ("report", "metrics.json"): 2,
    ("evaluate", "scores.csv"): 4,
    ("evaluate", "metrics.json"): 4,
}
"""(stage, file) that a number can be looked up in → how many folders up its results folder begins."""


class Metric(NamedTuple):
    """One number: who reached it, where it stands, and its value as stored (None: not defined)."""

    file: Path
    dataset: str
    model: str
    candidate: str
    kind: str
    """`method` or `ensemble`."""
    split: str
    seed: int | None
    """None: over all seeds."""
    score: str
    value: float | None

    def __str__(self) -> str:
        seed = [f"seed-{self.seed}"] if self.seed is not None else []
        return "/".join([self.dataset, self.model, self.candidate, *seed, self.split, self.score])

    def made_by(self, experiment: Experiment) -> list[Run] | list[Ensemble]:
        """The runs, or the ensemble, whose predictions were scored."""
        if self.kind == "ensemble":
            return [Ensemble(self.dataset, self.model, self.candidate)]
        return [
            run
            for run in experiment.runs_of(self.dataset, self.model)
            if run.method == self.candidate and self.seed in (None, run.seed)
        ]


def find(reference: str) -> tuple[Experiment, Metric]:
    """The experiment and the one number that a reference means. Raises `TuneproofError` where it is none or several."""
    name, colon, words = reference.rpartition(":")
    path = Path(name)
    parts = path.parts
    stage = next((stage for stage, file in DEPTH if stage in parts and file == path.name), None)
    if not colon or not words or stage is None:
        raise TuneproofError(f"metric: found {reference!r}; allowed: FILE:NAME, such as {EXAMPLE}")
    depth = DEPTH[stage, path.name]
    if len(parts) <= depth or parts[-depth] != stage:
        raise TuneproofError(f"metric: {path} lies in no results folder; allowed: FILE:NAME, such as {EXAMPLE}")
    experiment = Experiment(Path(*parts[:-depth]))
    numbers = _numbers(path)
    if stage == "evaluate":
        numbers = [number for number in numbers if (number.dataset, number.model) == parts[-3:-1]]
    wanted = words.split("/")
    found = [number for number in numbers if _fits(number, wanted)]
    if len(found) > 1:  # over all seeds, on the test split, unless the reference says otherwise
        found = [n for n in found if n.seed is None or f"seed-{n.seed}" in wanted] or found
        found = [n for n in found if n.split == "test" or n.split in wanted] or found
    if not found and (reason := _left_out(experiment, wanted)) is not None:
        raise TuneproofError(f"{path}: no number {words!r}: {reason}")
    if len(found) != 1:
        raise TuneproofError(_mistake(path, words, found or numbers, ambiguous=bool(found)))
    return experiment, found[0]


def everything(experiment: Experiment) -> list[Metric]:
    """Every number of the experiment's scores, in the order of its tables."""
    tables = [experiment.evaluated(*pair) / "scores.csv" for pair in experiment.pairs]
    return [number for table in tables if table.is_file() for number in _numbers(table)]


def _fits(number: Metric, wanted: list[str]) -> bool:
    """Whether the words name this number: each is a part of it, in order, and candidate and score are among them."""
    seed = "all" if number.seed is None else f"seed-{number.seed}"
    own = [number.dataset, number.model, number.candidate, seed, number.split, number.score]
    place = 0
    used = []
    for word in wanted:
        if word not in own[place:]:
            return False
        place = own.index(word, place) + 1
        used.append(place - 1)
    return 2 in used and 5 in used


def _left_out(experiment: Experiment, wanted: list[str]) -> str | None:
    """`method was left out on data set: reason`, where the words name a method that turned out not to run."""
    for run in experiment.runs:
        about = experiment.of(run) / "run.json"
        named = run.method in wanted and not ({*wanted} & {*experiment.datasets} - {run.dataset})
        if named and about.is_file() and "left_out" in (content := files.read_json(about)):
            return f"{run.method} was left out on {run.dataset} ({run.model}): {content['left_out']}"
    return None


def _mistake(path: Path, words: str, near: list[Metric], *, ambiguous: bool) -> str:
    import difflib

    names = list(dict.fromkeys(f"{n.dataset}/{n.model}/{n.candidate}/{n.score}" for n in near))
    if ambiguous:
        return f"{path}:{words}: {len(near)} numbers are meant; name one: {', '.join(map(str, near[:8]))}"
    close = difflib.get_close_matches(words, names, n=5, cutoff=0.3) or names[:5]
    return f"{path}: found no number {words!r}; allowed, for instance: {', '.join(close) or 'nothing, it is empty'}"


def _numbers(path: Path) -> list[Metric]:
    """All numbers of a file."""
    if not path.is_file():
        raise DataError(f"{path}: file not found; run the experiment first")
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [_of_row(path, row) for row in csv.DictReader(file)]
    content = files.read_json(path)
    if path.parent.name == "report":
        nested = [(d, m, methods) for d, models in content.items() for m, methods in models.items()]
        experiment = Experiment(path.parent.parent)
    else:
        nested = [(*path.parts[-3:-1], content)]
        experiment = Experiment(Path(*path.parts[:-4]))
    return [
        Metric(path, dataset, model, name, _kind(experiment, dataset, model, name), "test", None, score, value)
        for dataset, model, methods in nested
        for name, scores in methods.items()
        for score, value in scores.items()
    ]


def _of_row(path: Path, row: dict[str, Any]) -> Metric:
    """A row of leaderboard.csv or scores.csv. Raises `DataError` where columns are missing or hold no number."""
    try:
        seed = row.get("seed") or None
        return Metric(
            path,
            row["dataset"],
            row["model"],
            row["method"],
            row["kind"],
            row.get("split", "test"),
            None if seed is None else int(re.sub(r"\.0$", "", seed)),
            row["score"],
            float(row["value"]) if row["value"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a table of scores ({error!r}); delete it and run again") from None


def _kind(experiment: Experiment, dataset: str, model: str, name: str) -> str:
    return "ensemble" if Ensemble(dataset, model, name) in experiment.ensembles else "method"
