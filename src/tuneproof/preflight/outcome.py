"""What the last run of an experiment was estimated to take, and what it took.

Lies below `.tuneproof/`, which is no result: two equal runs take different times. `read` is for those who show it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.preflight import show

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

    def line(self, now: float) -> str:
        """Estimate against outcome, or against the time that has passed at `now` (seconds since 1970)."""
        took = f"took {show.exact(self.seconds)}" if self.seconds is not None else (
            f"{show.exact(now - self.started)} passed until this was written"
        )  # fmt: skip
        what = f"{self.jobs} searches and runs on {self.cores} cores"
        return f"{what}: {took}" if self.estimated is None else (
            f"{what}: estimated {show.duration(self.estimated)}, {took}"
        )  # fmt: skip


def path(results: Path) -> Path:
    """Where the outcome of an experiment with this results folder lies."""
    return FOLDER / f"{'-'.join(results.parts)}.json"


def write(results: Path, found: Outcome) -> None:
    files.write_json(path(results), found._asdict())


def read(results: Path) -> Outcome | None:
    """The last run that had something to do, or None where there is no (whole) record of one."""
    if not path(results).is_file():
        return None
    try:
        return Outcome(**files.read_json(path(results)))
    except (DataError, TypeError):
        return None  # of another version, or cut off: the next run writes it anew
