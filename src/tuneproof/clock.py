"""A clock that was set back: files from the future must neither hide that an input has changed, nor stop a run.

Snakemake compares content where an input is newer than an output. What changes after the clock was set back is older
than what was made before, and would not be looked at; and a job whose outputs are older than its inputs is a failure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from tuneproof.errors import TuneproofError

LONG_AGO = 946_684_800.0
"""The first second of the year 2000."""


def age(results: Path) -> None:
    """Date every file below `results` that is from the future back, so far that all inputs are newer.

    Nothing runs for that alone: content decides. Raises `TuneproofError` where a date cannot be set.
    """
    paths = (os.path.join(folder, name) for folder, _, names in os.walk(results) for name in names)  # noqa: PTH118
    _date(paths, LONG_AGO)


def freshen(inputs: Iterable[str]) -> None:
    """Date those inputs of the jobs to come that are from the future to now, or raise `TuneproofError`."""
    _date(inputs, None)


def _date(paths: Iterable[str], date: float | None) -> None:
    """Give those that exist and are from the future another date, now where it is None.

    There may be thousands, so that no `Path` is made for each.
    """
    now = time.time()
    for path in paths:
        try:
            found = os.stat(path).st_mtime  # noqa: PTH116
        except FileNotFoundError:  # a link to nowhere
            continue
        if found <= now:
            continue
        try:
            os.utime(path, None if date is None else (date, date))
        except OSError as error:
            told = f"{path}: dated {datetime.fromtimestamp(found):%Y-%m-%d %H:%M:%S}, which is yet to come"
            raise TuneproofError(f"{told}; set the clock right, or the file's date (touch), then run again") from error
