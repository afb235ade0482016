"""Markdown and LaTeX out of names and texts that may hold anything: shown as they are, never as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "×": r"$\times$",
    "µ": r"\textmu{}",
}
"""Characters that mean something to LaTeX, or that its usual fonts lack."""


def markdown(text: object) -> str:
    """One line; whatever starts markup or HTML is escaped."""
    line = " ".join(_printable(str(text)).split())
    escaped = re.sub(r"([\\`*_\[\]|~$]|^[#>+=-])", r"\\\1", line)
    escaped = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)  # else it is the first of a list
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace("://", ":&#47;&#47;")


def code(text: object) -> str:
    """A code span; backticks inside make its own longer."""
    line = " ".join(_printable(str(text)).split())
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}" if line else "` `"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Lines of a table of cells that are Markdown already; `right`: places of the columns to align right."""
    marks = ["---:" if place in right else "---" for place in range(len(columns))]
    return [f"| {' | '.join(line)} |" for line in (columns, marks, *rows)]


def latex(text: object) -> str:
    """One line; every special character of LaTeX is escaped."""
    return "".join(LATEX.get(character, character) for character in " ".join(_printable(str(text)).split()))


def _printable(text: str) -> str:
    """Control characters and the marks that turn text around are shown as what they are: not printable."""
    return "".join(character if character.isprintable() or character.isspace() else "\ufffd" for character in text)
