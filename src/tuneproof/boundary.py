"""Which files params may name: those inside the project, and those below folders that whoever runs it allows.

Params may come from a stranger, so they cannot lift the limit themselves; the environment can. Paths are compared as
written: a link inside the project is its owner's own decision.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TUNEPROOF_ALLOW"
"""Environment variable: folders outside the project, separated as in PATH."""


def inside(path: str) -> bool:
    """Whether a path lies in the working folder or in an allowed one."""
    folders = [Path.cwd(), *map(Path, filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))]
    place = Path(os.path.abspath(path))  # noqa: PTH100, `resolve` would follow links
    return any(place.is_relative_to(os.path.abspath(folder)) for folder in folders)  # noqa: PTH100
