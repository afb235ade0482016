"""What the product promises, and whether this run met it."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """One line of the targets list. `measured` is compared with `target` in the direction that `at_least` says."""

    name: str
    target: float
    measured: float
    at_least: bool = True

    def line(self) -> dict[str, object]:
        met = self.measured >= self.target if self.at_least else self.measured <= self.target
        sign = ">=" if self.at_least else "<="
        return {
            "name": self.name,
            "target": f"{sign} {self.target:g}",
            "measured": float(f"{self.measured:.4g}"),
            "met": bool(met),
        }
