"""Addresses of figures that are no scores: ends of intervals, comparisons, costs, points of curves and of searches.

A figure is a cell of a table, or a number of a JSON file. Its words name the row, outermost first, and then the column;
a column of text, or one that names rows, is none.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.trace.experiment import Ensemble, Experiment, Run

Source = Literal["scores", "challenge", "fit", "search"]

NAMES = (
    *("dataset", "model", "method", "kind", "split", "seed", "score", "note", "needed_note", "group", "measure"),
    *("combine", "best_member", "challenge", "a", "b", "distinguishable", "trial", "state", "epoch", "step"),
    *("gap_note", "check", "test_on", "example", "answer", "variant", "variant_answer", "id", "gold", "predicted"),
)
"""Columns that are text or name a row."""


class Figure(NamedTuple):
    """One figure: where it stands, what it was made of, and its value as stored (None: not defined)."""

    file: Path
    dataset: str
    model: str
    made: tuple[Run | Ensemble, ...]
    """The runs or ensembles that it is about."""
    source: Source
    """What it was read off: the scores of predictions, those on changed texts, the fits, or the search."""
    words: tuple[str, ...]
    """Names of the row, and last the column."""
    needed: frozenset[int]
    """Places of the words that an address cannot leave out."""
    value: float | None

    def __str__(self) -> str:
        return "/".join(word for word in self.words if word)

    @property
    def column(self) -> str:
        return self.words[-1]

    @property
    def retrainable(self) -> bool:
        """Whether a new fit has it too, and should have the same one."""
        return self.file.name in ("history.csv", "learning_curves.csv")

    @property
    def runs(self) -> list[Run]:
        return [entry for entry in self.made if isinstance(entry, Run)]


def of(experiment: Experiment, path: Path) -> list[Figure]:
    """All figures of a file, in its order. Raises `DataError` where it is not there or is no such table."""
    if not path.is_file():
        raise DataError(f"{path}: file not found; run the experiment first")
    stage = next(stage for (stage, name), depth in DEPTH.items() if name == path.name and path.parts[-depth] == stage)
    try:
        return list(READERS[stage, path.name](experiment, path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not a table of figures ({error!r}); delete it and run again") from None


def fits(figure: Figure, wanted: list[str]) -> bool:
    """Whether the words name this figure: each is a part of it, in order, and none that is needed is left out."""
    place, used = 0, set()
    for word in (word if word in figure.words else name("", word) for word in wanted):
        if word not in figure.words[place:]:
            return False
        place = figure.words.index(word, place) + 1
        used.add(place - 1)
    return figure.needed <= used


# report


def _leaderboard(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Intervals and costs; the values themselves are scores."""
    for row in _rows(path):
        dataset, model, method = row["dataset"], row["model"], row["method"]
        made = _named(experiment, dataset, model, method)
        for column, value in _numbers(row):
            judged = column in ("low", "high", "seed_mean", "seed_sd", "seeds")
            words = (dataset, model, method, row["score"] if judged else "", column)
            if column != "value":
                yield Figure(path, dataset, model, made, "scores" if judged else "fit", words, frozenset({2, 4}), value)


def _learning_curves(experiment: Experiment, path: Path) -> Iterator[Figure]:
    for row in _rows(path):
        run = Run(row["dataset"], row["model"], row["method"], _whole(row["seed"]))
        for column, value in _numbers(row):
            words = (*run[:3], f"seed-{run.seed}", f"epoch-{_whole(row['epoch'])}", column)
            yield Figure(path, run.dataset, run.model, (run,), "fit", words, frozenset({2, 3, 4, 5}), value)


# evaluate


def _scores(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Ends of intervals; the values themselves are scores."""
    for row in _rows(path):
        dataset, model, method = row["dataset"], row["model"], row["method"]
        made = _named(experiment, dataset, model, method)
        seed = f"seed-{_whole(row['seed'])}" if row["seed"] else "all"
        if row["seed"]:
            made = tuple(entry for entry in made if isinstance(entry, Run) and seed == f"seed-{entry.seed}")
        for column, value in _numbers(row):
            words = (dataset, model, method, seed, row["split"], row["score"], column)
            if column != "value":
                yield Figure(path, dataset, model, made, "scores", words, frozenset({2, 5, 6}), value)


def _comparisons(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Each pair under both orders of its names."""
    for row in _rows(path):
        dataset, model, a, b = row["dataset"], row["model"], row["a"], row["b"]
        made = (*_named(experiment, dataset, model, a), *_named(experiment, dataset, model, b))
        for column, value in _numbers(row):
            words = (dataset, model, a, b, column)
            yield Figure(path, dataset, model, made, "scores", words, frozenset({2, 3, 4}), value)


def _robustness(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Drops under changed texts, and what they are made of."""
    for row in _rows(path):
        dataset, model, method = row["dataset"], row["model"], row["method"]
        made = _named(experiment, dataset, model, method)
        for column, value in _numbers(row):
            words = (dataset, model, method, row["challenge"], row["score"], column)
            yield Figure(path, dataset, model, made, "challenge", words, frozenset({2, 3, 4, 5}), value)


def _ensembles(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Gains over the best member, diversity and passes."""
    for row in _rows(path):
        dataset, model, name = row["dataset"], row["model"], row["method"]
        made = _named(experiment, dataset, model, name)
        for column, value in _numbers(row):
            yield Figure(path, dataset, model, made, "scores", (dataset, model, name, column), frozenset({2, 3}), value)


def _attack(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """What a word-substitution attack does to a run."""
    for row in _rows(path):
        for made, words in _challenged(experiment, row):
            for column, value in _numbers(row):
                names, needed = (*words, column), frozenset({2, 4})
                yield Figure(path, row["dataset"], row["model"], made, "challenge", names, needed, value)


def _forgetting(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """What is left in a run's body of what it was before tuning; the column is the measure."""
    for row in _rows(path):
        for made, words in _challenged(experiment, row):
            names, needed = (*words, row["measure"]), frozenset({2, 4})
            value = float(row["value"]) if row["value"] else None
            yield Figure(path, row["dataset"], row["model"], made, "challenge", names, needed, value)


def _checks(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """How often a run fails what params ask of it."""
    for row in _rows(path):
        for made, words in _challenged(experiment, row):
            for column, value in _numbers(row):
                names, needed = (*words, row["check"], column), frozenset({2, 4, 5})
                yield Figure(path, row["dataset"], row["model"], made, "challenge", names, needed, value)


def _transfer(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """Scores on the test rows of other data sets."""
    for row in _rows(path):
        dataset, model, method = row["dataset"], row["model"], row["method"]
        made = _named(experiment, dataset, model, method)
        for column, value in _numbers(row):
            words = (dataset, model, method, row["test_on"], row["score"], column)
            yield Figure(path, dataset, model, made, "challenge", words, frozenset({2, 3, 4, 5}), value)


def _challenged(experiment: Experiment, row: dict[str, str]) -> Iterator[tuple[tuple[Run, ...], tuple[str, ...]]]:
    """The run of a row, and its name; none where the row is a note about the method."""
    if row["seed"]:
        run = Run(row["dataset"], row["model"], row["method"], _whole(row["seed"]))
        yield (run,), (*run[:3], f"seed-{run.seed}")


def _named_by(*keys: str) -> Callable[[Experiment, Path], Iterator[Figure]]:
    """Reader of a table about methods whose rows have these columns for their names, beside the method's own."""

    def read(experiment: Experiment, path: Path) -> Iterator[Figure]:
        for row in _rows(path):
            dataset, model, method = row["dataset"], row["model"], row["method"]
            made = _named(experiment, dataset, model, method)
            if row.get("seed"):
                made = tuple(run for run in made if isinstance(run, Run) and run.seed == _whole(row["seed"]))
            names = [name(key, row[key]) for key in keys]
            for column, value in _numbers({key: text for key, text in row.items() if key not in keys}):
                needed = frozenset(range(2, 4 + len(keys)))
                yield Figure(
                    path, dataset, model, made, "scores", (dataset, model, method, *names, column), needed, value
                )

    return read


def name(key: str, text: str) -> str:
    """What a row's cell is called in an address: `seed-0` or `all`, `bin-3`, `rank-1`, `coverage-0.5`, or its text.

    Text out of data is percent-encoded (RFC 3986), so that it neither ends a word or the address nor means something
    to a shell.
    """
    if key == "seed":
        return f"seed-{_whole(text)}" if text else "all"
    if key in ("bin", "rank"):
        return f"{key}-{_whole(text)}" if text else ""
    return f"coverage-{float(text):g}" if key == "coverage" and text else quote(text, safe="")


# search and train


def _best(experiment: Experiment, path: Path) -> Iterator[Figure]:
    run = _first_run(experiment, path)
    for column, value in _flat(files.read_json(path)):
        words = (*run[:3], column)
        yield Figure(path, run.dataset, run.model, (run,), "search", words, frozenset({3}), value)


def _trials(experiment: Experiment, path: Path) -> Iterator[Figure]:
    run = _first_run(experiment, path)
    for row in _rows(path):
        for column, value in _numbers(row):
            words = (*run[:3], f"trial-{_whole(row['trial'])}", column)
            yield Figure(path, run.dataset, run.model, (run,), "search", words, frozenset({3, 4}), value)


def _history(experiment: Experiment, path: Path) -> Iterator[Figure]:
    run = _run(experiment, path)
    for row in _rows(path):
        for column, value in _numbers(row):
            words = (*run[:3], f"seed-{run.seed}", f"epoch-{_whole(row['epoch'])}", column)
            yield Figure(path, run.dataset, run.model, (run,), "fit", words, frozenset({4, 5}), value)


def _about_run(experiment: Experiment, path: Path) -> Iterator[Figure]:
    """cost.json and run.json; a validation score is `validation/SCORE`."""
    run, content = _run(experiment, path), files.read_json(path)
    for column, value in _flat(content):
        words = (*run[:3], f"seed-{run.seed}", "", column)
        if column not in ("schema", "seed"):
            yield Figure(path, run.dataset, run.model, (run,), "fit", words, frozenset({5}), value)
    for score, value in _flat(content.get("validation", {})):
        words = (*run[:3], f"seed-{run.seed}", "validation", score)
        yield Figure(path, run.dataset, run.model, (run,), "fit", words, frozenset({4, 5}), value)


READERS: dict[tuple[str, str], Callable[[Experiment, Path], Iterator[Figure]]] = {
    ("report", "leaderboard.csv"): _leaderboard,
    ("report", "learning_curves.csv"): _learning_curves,
    ("evaluate", "scores.csv"): _scores,
    ("evaluate", "comparisons.csv"): _comparisons,
    ("evaluate", "ensembles.csv"): _ensembles,
    ("evaluate", "calibration.csv"): _named_by("seed", "scaling", "measure"),
    ("evaluate", "reliability.csv"): _named_by("scaling", "bin"),
    ("evaluate", "risk_coverage.csv"): _named_by("coverage"),
    ("evaluate", "slices.csv"): _named_by("slice"),
    ("evaluate", "entities.csv"): _named_by("type", "measure"),
    ("evaluate", "confusion.csv"): _named_by("gold", "predicted"),
    ("evaluate", "mistakes.csv"): _named_by("rank"),
    ("evaluate", "robustness.csv"): _robustness,
    ("evaluate", "checks.csv"): _checks,
    ("evaluate", "transfer.csv"): _transfer,
    ("evaluate", "attack.csv"): _attack,
    ("evaluate", "forgetting.csv"): _forgetting,
    ("search", "best.json"): _best,
    ("search", "trials.csv"): _trials,
    ("train", "history.csv"): _history,
    ("train", "cost.json"): _about_run,
    ("train", "run.json"): _about_run,
}
DEPTH = {(stage, name): {"report": 2, "evaluate": 4, "search": 5, "train": 6}[stage] for stage, name in READERS}
"""(stage, file) → how many folders up its results folder begins."""


# parts


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(row: dict[str, str]) -> Iterator[tuple[str, float | None]]:
    """Columns with numbers; an empty cell is a number that is not defined."""
    for column, text in row.items():
        if column not in NAMES:
            yield column, float(text) if text else None


def _flat(content: dict[str, Any]) -> Iterable[tuple[str, float | None]]:
    """Numbers of a JSON object, those inside others apart."""
    return [
        (key, None if value is None else float(value))
        for key, value in content.items()
        if isinstance(value, int | float | None) and not isinstance(value, bool) and key != "edge"
    ]


def _whole(text: str) -> int:
    """A whole number, which pandas writes as 1.0 where others of its column are missing."""
    return int(re.sub(r"\.0$", "", text))


def _named(experiment: Experiment, dataset: str, model: str, name: str) -> tuple[Run | Ensemble, ...]:
    """The ensemble of this name, or else all runs of the method."""
    ensemble = Ensemble(dataset, model, name)
    if ensemble in experiment.ensembles:
        return (ensemble,)
    return tuple(run for run in experiment.runs_of(dataset, model) if run.method == name)


def _run(experiment: Experiment, path: Path) -> Run:
    """The run that a file below `train/` belongs to."""
    dataset, model, method, seed = path.parts[-5:-1]
    return _known(experiment, path, Run(dataset, model, method, int(seed.removeprefix("seed-"))))


def _first_run(experiment: Experiment, path: Path) -> Run:
    """The first run of the cell that a file below `search/` belongs to: it recorded what the search was."""
    dataset, model, method = path.parts[-4:-1]
    return _known(experiment, path, Run(dataset, model, method, experiment.about["seeds"][0]))


def _known(experiment: Experiment, path: Path, run: Run) -> Run:
    if run not in experiment.runs:
        raise DataError(
            f"{path}: {run} is no run of this experiment; allowed: {', '.join(map(str, experiment.runs[:5]))}"
        )
    return run
