"""Which files params may name: those inside the project, and those below folders that whoever runs it allows; and
which programs of theirs may run: those that whoever runs it allows, word for word.

Params may come from a stranger, so they cannot lift the limit themselves; the environment can. Paths are compared as
written: a link inside the project is its owner's own decision.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "TUNEPROOF_ALLOW"
"""Environment variable: folders outside the project, separated as in PATH."""
COMMANDS = "TUNEPROOF_ALLOW_COMMANDS"
"""Environment variable: command lines that params may have run, one a line, quoted as for a shell."""


def inside(path: str) -> bool:
    """Whether a path lies in the working folder or in an allowed one."""
    folders = [Path.cwd(), *map(Path, filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))]
    place = Path(os.path.abspath(path))  # noqa: PTH100, `resolve` would follow links
    return any(place.is_relative_to(os.path.abspath(folder)) for folder in folders)  # noqa: PTH100


def may_run(command: Sequence[str]) -> bool:
    """Whether the environment allows a command with just these words. Nothing is allowed where it names none."""
    return shlex.join(command) in [line.strip() for line in os.environ.get(COMMANDS, "").splitlines()]
