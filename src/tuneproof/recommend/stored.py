"""What `show` and `recommend` read: the report's panels of a results folder, and their methods as candidates."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files
from tuneproof.errors import TuneproofError
from tuneproof.recommend.rule import Candidate

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel

NOTHING = "no results yet; run: snakemake --cores all"
"""Said where a folder holds no result at all."""

ALONE = "milliseconds that one text alone takes, as the challenge stage measured"
BATCHES = "milliseconds a text, of the predictions that training made in batches"
"""What a latency measures."""


class Stored(NamedTuple):
    """A results folder as the report sees it."""

    root: Path
    settings: dict[str, Any]
    """report.json of the settings."""
    panels: list[Panel]

    @property
    def confidence(self) -> float:
        """Level of all intervals."""
        return float(self.settings["evaluation"]["confidence"])

    def of(self, dataset: str | None, model: str | None) -> list[Panel]:
        """Panels with a result, of one data set and model where these are given.

        Raises `TuneproofError` where there is none of that name.
        """
        for option, wanted, known in (
            ("--dataset", dataset, [*self.settings["datasets"]]),
            ("--model", model, self.settings["models"]),
        ):
            if wanted is not None and wanted not in known:
                raise TuneproofError(f"{option}: found {wanted!r}; allowed: {', '.join(known)}")
        return [p for p in self.panels if dataset in (None, p.dataset) and model in (None, p.model) and len(p.ranked)]


def read(root: Path) -> Stored | None:
    """The folder's panels, or None where it holds no result. Raises `DataError` for a broken file."""
    from tuneproof.report import tables

    path = root / "settings" / "report.json"
    if not path.is_file():
        if not any(root.glob("evaluate/*/*/scores.csv")):
            return None
        raise TuneproofError(f"{path}: file not found; run: snakemake --dry-run, which writes it")
    settings = files.read_json(path)
    panels = tables.panels(settings, tables.Results(root))
    return Stored(root, settings, panels) if any(len(panel.ranked) for panel in panels) else None


def candidates(stored: Stored, panel: Panel) -> list[Candidate]:
    """The methods of a panel that have a result, best first; ensembles, which no single fit makes, are none."""
    from tuneproof.report.tables import rows

    known = panel.latency.of
    return [
        Candidate(
            method=str(row["method"]),
            value=float(row["value"]),
            latency_ms=known.get(str(row["method"])),
            **{
                name: _number(row[name])
                for name in Candidate._fields
                if name in row and name not in ("method", "value")
            },
        )
        for row in rows(panel.ranked)
        if row["kind"] == "method"
    ]


def comparisons(panel: Panel) -> list[dict[str, Any]]:
    """Rows of comparisons.csv."""
    from tuneproof.report.tables import rows

    return rows(panel.comparisons)


def better_ensembles(panel: Panel, method: str) -> list[str]:
    """Ensembles that the comparisons show to be better than a method, best first."""
    ensembles = panel.ranked[panel.ranked["kind"] == "ensemble"]["method"]
    shown = {row["a"] for row in comparisons(panel) if row["b"] == method and row["distinguishable"]}
    return [str(name) for name in ensembles if name in shown]


def command(stored: Stored, panel: Panel, method: str) -> str:
    """The command that trains a method on all labelled data and saves a ready model."""
    elsewhere = "" if stored.root == Path("results") else f" --results {shlex.quote(stored.root.as_posix())}"
    model = f" --model {panel.model}" if len(stored.settings["models"]) > 1 else ""
    return f"tuneproof fit --method {method} --dataset {panel.dataset}{model}{elsewhere} --out models/{panel.dataset}"


def latencies(panel: Panel) -> tuple[dict[str, float], str]:
    """Method → milliseconds, and what they measure: `ALONE` where every method has that, else `BATCHES`."""
    return panel.latency.of, ALONE if panel.latency.alone else BATCHES


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def accuracies(root: Path, dataset: str) -> list[dict[str, Any]]:
    """Our methods on a data set: `method`, `model`, `value`, `low`, `high`, `train_seconds`, `peak_memory_mb`.

    Raises `TuneproofError` where there is no result, or where its primary score is not the accuracy.
    """
    from tuneproof.report.tables import rows

    found = read(root)
    panels = [] if found is None else found.of(dataset, None)
    if not panels:
        raise TuneproofError(f"--dataset: {root} has no result on {dataset!r}")
    if panels[0].score != "accuracy":
        raise TuneproofError(f"--dataset: {dataset} is judged by {panels[0].score}; allowed: a data set with accuracy")
    names = ("method", "model", "value", "low", "high", "train_seconds", "peak_memory_mb")
    return [{name: row[name] for name in names} for panel in panels for row in rows(panel.ranked)]
