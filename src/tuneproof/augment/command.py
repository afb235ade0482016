"""New rows of a program of the user's own, that reads and writes JSON Lines.

The program gets a line for each new row that is asked for: the row's columns, `copy` (0, 1, …) and `seed` (a whole
number that follows from augmentation, row and copy). It writes as many lines, in any order, with the same `id` and
`copy`, and what is new: `text` (and `text_pair`, where that changes too), or for ner `tokens` and `tags` (strict
IOB2, types of the training rows). A line whose text is null or missing says that this row could not be changed. Labels
and all other columns stay those of the origin.

The outcome is deterministic only if the program is: it should draw from `seed` alone. It runs in the project's folder,
without a shell, with the environment of whoever runs it, and only if that allows it (see docs/security.md).
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from tuneproof import boundary
from tuneproof.augment.base import Row, Technique
from tuneproof.errors import MethodError
from tuneproof.prepare.tags import spans, to_iob2

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 1_000_000
"""Characters of a text; as in `prepare`."""
SURROGATE = re.compile("[\ud800-\udfff]")
SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH|_URL|_URI|DSN", re.IGNORECASE)
"""Names of environment variables whose values are never told."""
LONGEST_REASON = 300


class Command(Technique):
    """Options of a command."""

    idea: ClassVar[str] = "Has a program of your own make the new rows."
    paper: ClassVar[str] = "none: whatever the program does"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "ner")

    command: tuple[str, ...] = Field(
        min_length=1, description="Program and its arguments, without a shell; a path lies within the project."
    )
    timeout: float = Field(3600, gt=0, le=604800, description="Seconds after which the program is ended.")

    @field_validator("command")
    @classmethod
    def _plain(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command[0] or not all(word.isprintable() for word in command):
            raise ValueError(f"found {list(command)!r}; allowed: a program and arguments without control characters")
        return command

    def unavailable(self) -> str | None:
        """Why the program may not or cannot run: outside the project, not allowed by the environment, or not there."""
        line, program = shlex.join(self.command), self.command[0]
        if os.sep in program and not boundary.inside(program):
            return f"found {program!r}, outside the project; allowed: a program inside it, or one that PATH finds"
        if not boundary.may_run(self.command):
            return f"params alone cannot have a program run; to allow it, set {boundary.COMMANDS} to: {line}"
        if shutil.which(program) is None:
            return f"program {program!r} not found, or not executable"
        return None

    def prepare(self, train: pd.DataFrame) -> frozenset[str]:
        """Types of entities of the training rows; empty for other tasks."""
        if "tags" not in train.columns:
            return frozenset()
        return frozenset(kind for tags in train["tags"] for *_, kind in spans(list(tags)))

    def changes(self, rows: Sequence[Row], shared: Any, rngs: Sequence[random.Random]) -> list[Row | None]:
        """All rows in one run of the program.

        Raises `MethodError` where it may not run, fails, takes too long, or writes other lines than it was asked for.
        """
        if not rows:
            return []
        if reason := self.unavailable():
            raise MethodError(reason)
        keys, copies = [], Counter[str]()
        for row in rows:
            keys.append((row["id"], copies[row["id"]]))
            copies[row["id"]] += 1
        asked = [
            json.dumps({**row, "copy": copy, "seed": rng.getrandbits(32)}, ensure_ascii=False)
            for row, (_, copy), rng in zip(rows, keys, rngs, strict=True)
        ]
        answers = self._answers(self._run("\n".join(asked) + "\n"), set(keys))
        return [self._changed(row, answers[key], shared) for row, key in zip(rows, keys, strict=True)]

    def _run(self, lines: str) -> str:
        program = self.command[0]
        try:
            done = subprocess.run(
                self.command, input=lines.encode(), capture_output=True, check=False, timeout=self.timeout
            )
        except subprocess.TimeoutExpired:
            raise MethodError(f"{program} was ended after {self.timeout:g} s, its timeout") from None
        except OSError as error:
            raise MethodError(f"{program} cannot be started: {error.strerror}") from None
        if done.returncode:
            raise MethodError(f"{program} ended with exit code {done.returncode}: {_last_line(done.stderr)}")
        try:
            return done.stdout.decode()
        except UnicodeDecodeError as error:
            raise MethodError(f"{program} wrote bytes that are not UTF-8, the first at {error.start}") from None

    def _answers(self, written: str, keys: set[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
        """Id and copy → what was written, for all that was asked."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        lines = written.removesuffix("\n").split("\n") if written else []
        for number, line in enumerate(lines, 1):
            where = f"{self.command[0]}, line {number} of its output"
            try:
                answer = json.loads(line)
            except (ValueError, RecursionError):
                raise MethodError(f"{where}: not JSON; allowed: one object a line") from None
            if not isinstance(answer, dict):
                raise MethodError(f"{where}: found {type(answer).__name__}; allowed: an object")
            identity, copy = answer.get("id"), answer.get("copy")
            if not isinstance(identity, str) or type(copy) is not int or (identity, copy) not in keys:
                raise MethodError(f"{where}: found id {identity!r}, copy {copy!r}, which it was not asked for")
            if (identity, copy) in found:
                raise MethodError(f"{where}: id {identity!r}, copy {copy} for the second time")
            found[identity, copy] = answer
        if len(found) < len(keys):
            raise MethodError(f"{self.command[0]} wrote {len(found)} lines; it was asked for {len(keys)}")
        return found

    def _changed(self, row: Row, answer: dict[str, Any], kinds: frozenset[str]) -> Row | None:
        where = f"{self.command[0]}, id {row['id']!r}, copy {answer['copy']}"
        if "tokens" in row:
            if answer.get("tokens") is None:
                return None
            return {**row, **_sentence(answer["tokens"], answer.get("tags"), kinds, where)}
        if answer.get("text") is None:
            return None
        columns = [column for column in ("text", "text_pair") if column in row and answer.get(column) is not None]
        return {**row, **{column: _text(answer[column], f"{where}: {column}") for column in columns}}


def _text(value: Any, where: str) -> str:
    """As `prepare` would take it. Raises `MethodError` where it would not."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or SURROGATE.search(value):
        raise MethodError(f"{where}: found {str(value)[:40]!r}; allowed: text, not empty, up to {LONGEST:,} characters")
    return value.strip()


def _sentence(tokens: Any, tags: Any, kinds: frozenset[str], where: str) -> dict[str, list[str]]:
    if not isinstance(tokens, list) or not isinstance(tags, list) or not tokens or len(tokens) != len(tags):
        raise MethodError(f"{where}: allowed: tokens and tags, two lists of one length")
    words = [_text(token, f"{where}: tokens") for token in tokens]
    try:
        strict, repaired = to_iob2([_text(tag, f"{where}: tags") for tag in tags])
    except ValueError as error:
        raise MethodError(f"{where}: {error}") from None
    if repaired:
        raise MethodError(f"{where}: found tags {tags!r:.200}; allowed: strict IOB2, where each entity starts with B-")
    if unknown := sorted({kind for *_, kind in spans(strict)} - kinds):
        raise MethodError(f"{where}: found type {unknown[0]!r}; allowed: {', '.join(sorted(kinds))}")
    return {"tokens": words, "tags": strict}


def _last_line(stderr: bytes) -> str:
    """The last line that a program told, without values of secret variables."""
    lines = stderr.decode(errors="replace").split("\n")
    line = next((line.strip() for line in reversed(lines) if line.strip()), "it told no reason")
    values = {value for name, value in os.environ.items() if SECRET.search(name) and len(value) > 3}
    for value in sorted(values, key=len, reverse=True):
        line = line.replace(value, "…")
    return line[-LONGEST_REASON:]
