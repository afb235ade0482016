"""Errors that a person can act on: one line each, without a traceback."""

from __future__ import annotations


class TuneproofError(Exception):
    """Base of all errors that are the input's fault or the machine's, never the program's. Exit code 1."""

    exit_code = 1


class ParamsError(TuneproofError):
    """params.yaml is wrong; one line a mistake. Exit code 2."""

    exit_code = 2

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


class DataError(TuneproofError):
    """A data file is missing, malformed or does not fit its task."""


class MethodError(TuneproofError):
    """A method cannot run on the given model or task; the message is the reason shown in the report."""
