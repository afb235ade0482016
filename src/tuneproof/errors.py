"""Errors that a person can act on: one line each, without a traceback."""

from __future__ import annotations

import errno
import os
import re


class TuneproofError(Exception):
    """Base of all errors that are the input's fault or the machine's, never the program's. Exit code 1."""

    exit_code = 1


class ParamsError(TuneproofError):
    """params.yaml is wrong; one line a mistake. Exit code 2."""

    exit_code = 2

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


class DataError(TuneproofError):
    """A data file is missing, malformed or does not fit its task."""


class MethodError(TuneproofError):
    """A method cannot run on the given model or task; the message is the reason shown in the report."""


DISK = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make the folder writable, or set `results` to another one",
    errno.EACCES: "make it accessible to you",
    errno.EPERM: "make it writable for you",
    errno.EIO: "the disk may be failing: look at the system's log",
}
"""What a disk can refuse with, and what helps."""


def of_disk(error: Exception, path: os.PathLike[str] | str | None = None) -> TuneproofError | None:
    """One line for what a disk refused, or None for any other error. Rust's libraries give the number as text."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    number = int(told[1]) if told else getattr(error, "errno", None)
    if number not in DISK:
        return None
    place = path or getattr(error, "filename", None) or "a file"
    return TuneproofError(f"{place}: cannot be read or written ({os.strerror(number)}); {DISK[number]}, then run again")


def of_machine(error: Exception) -> TuneproofError:
    """One line for a full disk or too little memory. Any other error is the program's own fault and is raised again."""
    if (told := of_disk(error)) is not None:
        return told
    if isinstance(error, MemoryError) or re.search(r"out of memory|can't allocate memory", str(error)):
        return TuneproofError(
            "out of memory; use fewer --cores, or a smaller training.batch_size or max_length, then run again"
        )
    raise error
