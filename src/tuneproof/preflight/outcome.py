"""What the last run of an experiment was estimated to take, and what it took.

Lies below `.tuneproof/`, which is no result: two equal runs take different times. `read` is for those who show it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.preflight.durations import duration, exact

FOLDER = Path(".tuneproof/outcome")


class Outcome(NamedTuple):
    """One run of Snakemake."""

    cores: int
    jobs: int
    """Searches and runs that it had to do."""
    whole: bool
    """Whether these were all of the experiment's."""
    started: float
    """Seconds since 1970."""
    estimated: float | None
    """Seconds for the searches and runs; None where this machine had not been measured."""
    seconds: float | None = None
    """Wall time of everything, from the Snakefile's reading on; None until the run has ended well."""
    fit_seconds: float = 0.0
    """What the searches and runs state for their fits and predictions, summed."""

    def line(self) -> str:
        """Estimate against outcome of a run that has ended well."""
        foretold = "" if self.estimated is None else f"estimated {duration(self.estimated)}, "
        took = "not ended" if self.seconds is None else f"took {exact(self.seconds)}"
        return f"{self.jobs} searches and runs on {self.cores} cores: {foretold}{took}"

    def words(self, now: float) -> dict[str, str | int | bool | None]:
        """The same for a page: `jobs`, `cores`, `estimated`, `took`, in words; and whether the run has `ended`.

        While it is at work `took` is the time that has passed at `now` (seconds since 1970).
        """
        return {
            "jobs": self.jobs,
            "cores": self.cores,
            "estimated": None if self.estimated is None else duration(self.estimated),
            "took": exact(now - self.started if self.seconds is None else self.seconds),
            "ended": self.seconds is not None,
        }


def path(results: Path, *, whole: bool = False) -> Path:
    """Where the last outcome of an experiment with this results folder lies; `whole`: of its last whole run."""
    name = results.as_posix().strip("/").replace("/", "-")
    return FOLDER / f"{name}{'.whole' if whole else ''}.json"


def write(results: Path, found: Outcome) -> None:
    files.write_json(path(results), found._asdict())
    if found.whole and found.seconds is not None:
        files.write_json(path(results, whole=True), found._asdict())


def forget_unfinished(results: Path) -> None:
    """Remove the record of a run that did not end: what goes on from there would not count its whole time."""
    found = read(results)
    if found is not None and found.seconds is None:
        path(results).unlink()


def read(results: Path, *, whole: bool = False) -> Outcome | None:
    """The last run that had something to do (`whole`: everything), or None where there is no sound record of one."""
    place = path(results, whole=whole)
    if not place.is_file():
        return None
    try:
        return Outcome(**files.read_json(place))
    except (DataError, TypeError):
        return None  # of another version, or cut off: the next run writes it anew
