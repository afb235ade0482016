"""Progress of a fit: a bar with loss, rate and time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Any, Self

from tuneproof import watchdog

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two lines in a log."""


class Progress:
    """Context manager; `update` takes the state that `fit` reports."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.start = self.said = time.monotonic()
        self.bar: Any = None
        self.job: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"))
            self.bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self.bar.start()
            self.job = self.bar.add_task(self.title, total=None, detail="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, state: dict[str, Any]) -> None:
        """Show `epoch`, `epochs`, `step`, `steps`, `loss`, `rate`, or a `note`."""
        watchdog.alive()
        if "note" in state:
            log.info(f"{self.title}: {state['note']}")
            return
        detail = f"epoch {state['epoch']}/{state['epochs']}  loss {state['loss']:.4f}  rate {state['rate']:.2e}"
        if self.bar is not None:
            self.bar.update(self.job, total=state["steps"], completed=state["step"], detail=detail)
        elif time.monotonic() - self.said > INTERVAL:
            self.said = time.monotonic()
            left = (self.said - self.start) / state["step"] * (state["steps"] - state["step"])
            log.info(f"{self.title}: step {state['step']}/{state['steps']}  {detail}  {left:.0f} s left")
