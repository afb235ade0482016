"""Possible personal data in texts: e-mail addresses, phone numbers and card numbers. Counted, and masked where asked.

Patterns, so neither complete nor always right: names and addresses are not looked for, and a long number in groups may
be no phone number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HINT = re.compile(r"@|\d[\d ().\-]{5,}\d")
"""What every one of the kinds has; most texts have neither and need no closer look."""

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
PHONE = re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,5}\)[ .-]?)?\d{2,8}(?:[ .-]\d{2,8}){0,4}(?!\.?\w)")
DATE = re.compile(r"\d{4}[ .-]\d{1,2}[ .-]\d{1,2}|\d{1,2}[ .-]\d{1,2}[ .-]\d{4}")

KINDS = ("email", "card", "phone")


class Found(NamedTuple):
    """Place of something in a text, and what it is."""

    start: int
    end: int
    kind: str


def find(text: str) -> list[Found]:
    """What may be personal, in the order of the text, without overlaps."""
    if HINT.search(text) is None:
        return []
    found = [Found(*match.span(), "email") for match in EMAIL.finditer(text)]
    found += [Found(*match.span(), "card") for match in CARD.finditer(text) if luhn(match[0])]
    taken = [place for one in found for place in range(one.start, one.end)]
    inside = frozenset(taken)
    found += [
        Found(*match.span(), "phone")
        for match in PHONE.finditer(text)
        if _is_phone(match[0]) and inside.isdisjoint(range(*match.span()))
    ]
    return sorted(found)


def mask(text: str) -> str:
    """The text with `[email]`, `[card]` and `[phone]` in place of what was found."""
    for one in reversed(find(text)):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    digits = [int(character) for character in number if character.isdecimal()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and any(digits)


def _is_phone(number: str) -> bool:
    """8 to 15 digits (E.164), with a plus, brackets, or three groups and more; no date."""
    digits = sum(map(str.isdecimal, number))
    groups = len(re.findall(r"\d+", number))
    return 8 <= digits <= 15 and (number[0] in "+(" or groups >= 3) and DATE.fullmatch(number) is None
