"""One run at a time in a folder that can be written to.

The operating system releases the lock when its holder ends, however it ends: a killed run leaves nothing to unlock.
That is why profiles turn Snakemake's own lock off, which survives a kill.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tuneproof.errors import TuneproofError, of_disk

_held: list[int] = []
"""Descriptors of locks that this process holds until it ends."""


def hold(path: Path) -> None:
    """Take the lock until this process ends. Raises `TuneproofError` where another process has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise of_disk(error, path) or error from error
    if not _taken(descriptor):
        holder = path.read_text(encoding="ascii").strip() or "unknown"
        os.close(descriptor)
        raise TuneproofError(
            f"another run is at work in {Path.cwd()} (process {holder}); wait until it has ended, or stop it"
        )
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    _held.append(descriptor)


def ensure_writable(folder: Path) -> None:
    """Raises `TuneproofError` where nothing can be written in a folder (Snakemake would say so with a traceback)."""
    if not os.access(folder, os.W_OK):
        raise TuneproofError(f"{folder}: cannot be written to; make it writable, or copy the project to where it is")


def is_free(path: Path) -> bool:
    """Whether no other process holds the lock now."""
    if not path.exists():
        return True
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _taken(descriptor)
    finally:
        os.close(descriptor)


def free_journals(scratch: Path, search: str) -> None:
    """Take away what a killed search left locked: Optuna's lock on its journal, a link that outlives its holder.

    One process at a time searches a cell. Optuna waits for ever where the link's path is relative: it looks at the age
    of what the link points to, and a relative one points to nothing.
    """
    for left in scratch.glob(f"{search}-{'[0-9a-f]' * 16}.journal.lock*"):
        left.unlink(missing_ok=True)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
