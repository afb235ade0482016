"""Numbers as people read them."""

from __future__ import annotations

import math

from tuneproof.report.texts import Text

MANY = 12
"""Methods from which on a page names some of them and counts the others, and folds away what is one thing a method."""


def number(value: float | None) -> str:
    """A score: three decimals."""
    return "–" if _nothing(value) else f"{value:.3f}"


def rate(value: float | None) -> str:
    """A learning rate: two digits and a short exponent, as in 2e-5; what is no rate may be 1 or more, as it is."""
    if value is None or _nothing(value):
        return "–"
    if value >= 1:
        return f"{value:.3g}"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    if seconds is None or _nothing(seconds):
        return "–"
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"


def amount(value: float | None) -> str:
    """A count with three digits: 950, 12.3 k, 4.39 M."""
    if value is None or _nothing(value):
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def size(megabytes: float | None) -> str:
    """Bytes with three digits, of a number in 10⁶ bytes: 3.45 kB, 1.17 GB."""
    if megabytes is None or _nothing(megabytes):
        return "–"
    text = amount(megabytes * 1e6)
    return f"{text}B" if " " in text else f"{text} B"


def p_value(value: float | None) -> str:
    if value is None or _nothing(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def some(names: list[str], shown: int = 5) -> list[str] | Text:
    """All names where they are few; else the first ones, and how many more there are."""
    if len(names) <= MANY:
        return names
    return Text("and_others", names=", ".join(names[:shown]), count=len(names) - shown)


def _nothing(value: float | None) -> bool:
    return value is None or math.isnan(value)
