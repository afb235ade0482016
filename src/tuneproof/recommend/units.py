"""Sizes and times as people type them: `4GiB`, `30min`, `20ms`."""

from __future__ import annotations

import re

from tuneproof.errors import TuneproofError

TIMES = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Unit → seconds."""
SIZES = {
    "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
"""Unit → bytes."""


def seconds(text: str, option: str) -> float:
    """`20ms`, `90s`, `30min`, `1.5h` or `1d` in seconds. Raises `TuneproofError`, naming the option, for the rest."""
    return _parsed(text, option, TIMES, "as in 20ms, 90s, 30min or 2h")


def megabytes(text: str, option: str) -> float:
    """`500MB` or `4GiB` in units of 10⁶ bytes. Raises `TuneproofError`, naming the option, for the rest."""
    return _parsed(text, option, SIZES, "as in 500MB or 4GiB") / 1e6


def _parsed(text: str, option: str, units: dict[str, float], examples: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    if found is None or found[2] not in units or float(found[1]) == 0:
        allowed = f"a number above 0 and one of {', '.join(units)}, {examples}"
        raise TuneproofError(f"{option}: found {text!r}; allowed: {allowed}")
    return float(found[1]) * units[found[2]]
