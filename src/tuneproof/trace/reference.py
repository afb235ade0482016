"""A number's address: `results/report/leaderboard.csv:tweet-ner/lora/entity_f1`.

The file says which results folder is meant, and for tables of one data set and model also these; what follows the colon
names the rest: data set, model, method or ensemble, seed, split, score. What can be only one thing may be left out.
Figures that are no scores: see `figures.py`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError, TuneproofError
from tuneproof.trace import figures
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trace.figures import Figure

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


def find(reference: str) -> tuple[Experiment, Metric | Figure]:
    """The experiment and the one number that a reference means. Raises `TuneproofError` where it is none or several."""
    name, colon, words = reference.rpartition(":")
    path = Path(name)
    parts = path.parts
    depths = {**DEPTH, **figures.DEPTH}
    places = [(stage, depth) for (stage, file), depth in depths.items() if file == path.name and stage in parts]
    if not colon or not words or not places:
        raise TuneproofError(f"metric: found {reference!r}; allowed: FILE:NAME, such as {EXAMPLE}")
    place = next((p for p in places if len(parts) > p[1] and parts[-p[1]] == p[0]), None)
    if place is None:
        raise TuneproofError(f"metric: {path} lies in no results folder; allowed: FILE:NAME, such as {EXAMPLE}")
    stage, depth = place
    experiment = Experiment(Path(*parts[:-depth]))
    wanted = words.split("/")
    numbers = _numbers(path) if (stage, path.name) in DEPTH else []
    if stage == "evaluate":
        numbers = [number for number in numbers if (number.dataset, number.model) == parts[-3:-1]]
    found: list[Metric | Figure] = [*_meant(numbers, wanted)]
    others = figures.of(experiment, path) if not found and (stage, path.name) in figures.DEPTH else []
    found = found or [*_meant_of(others, wanted)]
    if not found and (reason := _left_out(experiment, wanted)) is not None:
        raise TuneproofError(f"{path}: no number {words!r}: {reason}")
    if len(found) != 1:
        raise TuneproofError(_mistake(path, words, found or [*numbers, *others], ambiguous=bool(found)))
    return experiment, found[0]


def _meant(numbers: list[Metric], wanted: list[str]) -> list[Metric]:
    """Those that the words name: over all seeds, on the test split, unless they say otherwise."""
    found = [number for number in numbers if _fits(number, wanted)]
    if len(found) > 1:
        found = [n for n in found if n.seed is None or f"seed-{n.seed}" in wanted] or found
        found = [n for n in found if n.split == "test" or n.split in wanted] or found
    return found


def _meant_of(others: list[Figure], wanted: list[str]) -> list[Figure]:
    """As `_meant`, for figures; a pair that is compared may be named in either order."""
    found = [figure for figure in others if figures.fits(figure, wanted)]
    found = found or [figure for figure in others if figures.fits(figure, _swapped(figure, wanted))]
    if len(found) > 1 and found[0].file.name == "scores.csv":
        found = [f for f in found if "all" in f.words or any(word.startswith("seed-") for word in wanted)] or found
        found = [f for f in found if "test" in f.words or "validation" in wanted] or found
    return found


def _swapped(figure: Figure, wanted: list[str]) -> list[str]:
    """The words with the two names of a comparison in the table's order."""
    pair = figure.words[2:4] if figure.file.name == "comparisons.csv" else ()
    if not pair or not {*pair} <= {*wanted}:
        return wanted
    order = iter(pair)
    return [next(order) if word in pair else word for word in wanted]


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


def _mistake(path: Path, words: str, near: Sequence[Metric | Figure], *, ambiguous: bool) -> str:
    import difflib

    if ambiguous:
        return f"{path}:{words}: {len(near)} numbers are meant; name one: {', '.join(map(str, near[:8]))}"
    names = list(dict.fromkeys(_short(number) for number in near))
    close = difflib.get_close_matches(words, names, n=5, cutoff=0.3) or names[:5]
    columns = list(dict.fromkeys(number.column for number in near if isinstance(number, Figure)))
    ends = f"; last word: {'a score, ' if isinstance(near[0], Metric) else ''}{', '.join(columns)}" if columns else ""
    return (
        f"{path}: found no number {words!r}; allowed, for instance: {', '.join(close) or 'nothing, it is empty'}{ends}"
    )


def _short(number: Metric | Figure) -> str:
    """An address that means this number, or this one among others."""
    if isinstance(number, Metric):
        return f"{number.dataset}/{number.model}/{number.candidate}/{number.score}"
    in_report = number.file.parent.name == "report"  # elsewhere, the folder says data set and model
    return "/".join(word for place, word in enumerate(number.words) if word and (in_report or place in number.needed))


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
