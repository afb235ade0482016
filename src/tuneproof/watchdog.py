"""A fit that stands still is ended, and its log says where it stood.

The kernel's timer does it, so that it works where Python does not get a turn any more (a dead lock, a driver that does
not answer). Each step winds the timer up again: a fit may take days, a step may not.
"""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_seconds = 0.0
"""Time until the timer rings; 0 while nothing is watched."""


@contextmanager
def watching(seconds: float) -> Iterator[None]:
    """End this process by SIGALRM, after a print of where each thread is, once `alive` was not called for so long.

    0 watches nothing.
    """
    global _seconds  # noqa: PLW0603, a process has one such timer
    if seconds > 0:
        faulthandler.register(signal.SIGALRM, file=2, chain=True)
    _seconds = seconds
    alive()
    try:
        yield
    finally:
        _seconds = 0.0
        signal.setitimer(signal.ITIMER_REAL, 0)
        if seconds > 0:
            faulthandler.unregister(signal.SIGALRM)


def alive() -> None:
    """The fit has got on."""
    if _seconds > 0:
        signal.setitimer(signal.ITIMER_REAL, _seconds)
