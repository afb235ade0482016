"""Energy of the processors, where Linux lets it be read: RAPL's counters below /sys/class/powercap.

The counters are the machine's, not the process's: what else runs at the time is counted too. Reading them takes root on
many machines (CVE-2020-8694), and containers and virtual machines mostly lack them.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"intel-rapl:\d+")
"""A processor package; its parts (cores, memory) have one number more, and are within it but for memory."""
WATTS = 500
"""No package takes more for long: a time in which the counter cannot have started again twice is told by it."""


class Spent(NamedTuple):
    """What was spent; None where it is not known, and then `note` says why."""

    joules: float | None
    note: str


class Meter:
    """Reads the counters when it is made, and again when it is asked."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self.folder, self.started = folder, time.monotonic()
        self.first = _counters(folder)

    def spent(self) -> Spent:
        """Joules of all processor packages since the meter was made."""
        if isinstance(self.first, str):
            return Spent(None, self.first)
        now = _counters(self.folder)
        if isinstance(now, str) or now.keys() != self.first.keys():
            return Spent(None, "the counters have changed")
        joules, seconds = 0.0, time.monotonic() - self.started
        for name, (before, most) in self.first.items():
            if seconds * WATTS * 1e6 > most:
                return Spent(None, f"longer than a counter of {most / 1e6:.0f} J can tell")
            after = now[name][0]
            joules += (after - before + (most if after < before else 0)) / 1e6
        return Spent(round(joules, 3), "all processor packages of the machine, with whatever else ran")


def _counters(folder: Path) -> dict[str, tuple[int, int]] | str:
    """Package → microjoules so far, and where its counter starts again; a text where they cannot be read."""
    found: dict[str, tuple[int, int]] = {}
    try:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if PACKAGE.fullmatch(path.name):
                now, most = ((path / name).read_text() for name in ("energy_uj", "max_energy_range_uj"))
                found[path.name] = int(now), int(most)
    except PermissionError:
        return "the energy counters may not be read"
    except (OSError, ValueError):
        return "the energy counters cannot be read"
    return found or "no energy counters on this machine"
