"""What a run of the benchmarks has found so far, on disk after each piece: a late failure loses nothing."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.targets import Target
from tuneproof import files


class Record:
    """Raw figures by section and entry, measured targets by name, and what failed and why.

    `complete` is false in the file until the last section has ended.
    """

    def __init__(self, path: Path, targets: list[Target], about: dict[str, Any]) -> None:
        self.path, self.targets, self.about = path, targets, about
        self.raw: dict[str, dict[str, Any]] = {}
        self.measured: dict[str, float] = {}
        self.failed: dict[str, str] = {}
        """`section/entry` → reason."""
        self.seconds: dict[str, float] = {}
        self.complete = False

    def add(self, section: str, entry: str, value: Any) -> None:
        self.raw.setdefault(section, {})[entry] = value
        self.write()

    def meet(self, name: str, value: float) -> None:
        """A target's figure. Raises KeyError for one that is not on the list."""
        target = {target.name: target for target in self.targets}[name]
        self.measured[name] = value
        print("  ", *target.line(value).values(), flush=True)
        self.write()

    @contextmanager
    def part(self, section: str, entry: str) -> Iterator[None]:
        """One piece of a section: where it fails, the reason is kept and shown, and the others go on."""
        try:
            yield
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.failed[f"{section}/{entry}"] = reason[-500:]
            print(f"failed: {section}/{entry}: {reason[-500:]}", file=sys.stderr, flush=True)
            traceback.print_exc()
            self.write()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A whole section, with its time."""
        start = time.perf_counter()
        with self.part(name, "all"):
            yield
        self.seconds[name] = round(time.perf_counter() - start, 1)
        self.write()

    def lines(self) -> list[dict[str, object]]:
        """The targets, each measured or failed."""
        return [target.line(self.measured.get(target.name), self._reason(target.section)) for target in self.targets]

    def _reason(self, section: str) -> str:
        reasons = [f"{name}: {reason}" for name, reason in self.failed.items() if name.startswith(f"{section}/")]
        return "; ".join(reasons) or ("not measured" if section in self.seconds else "not measured yet")

    def content(self) -> dict[str, Any]:
        return {
            **self.about,
            "complete": self.complete,
            "minutes": round(sum(self.seconds.values()) / 60, 1),
            "seconds_by_section": self.seconds,
            "failed": self.failed,
            "targets": self.lines(),
            "raw": self.raw,
        }

    def write(self) -> None:
        files.write_text(self.path, json.dumps(self.content(), indent=2, ensure_ascii=False) + "\n")
