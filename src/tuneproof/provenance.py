"""Where and how a run was made: command, commit and uncommitted changes of its code, machine, packages, time.

All of it may differ between two equal runs, so it lies in `provenance.json`, which is never compared. That file also
holds the sha256 of the run's other files and of itself: no byte of a run can change unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tuneproof import files

PACKAGE = Path(__file__).parent.resolve()
VARIABLES = ("CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "PYTHONHASHSEED")
"""Environment variables that can change a number or its cost; no other is kept, since others hold secrets."""
SEAL = "sha256"


def describe(command: Sequence[str], code: Iterable[Path]) -> dict[str, Any]:
    """How this process came to run: `code` are the source files whose uncommitted changes are kept."""
    return {
        "command": shlex.join(command),
        "started": now(),
        "git": git(list(code)),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": dict(sorted({found.name.lower(): found.version for found in distributions()}.items())),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def git(code: list[Path]) -> dict[str, Any] | None:
    """`commit`, and `diff` from it to the files as they are, with its sha256; None where git does not know them.

    The diff is enough to get the code back: `git checkout COMMIT && git apply`. It covers `code` alone.
    """
    names = [str(path.resolve()) for path in code]
    commit = _git("rev-parse", "HEAD")
    if commit is None or not _git("ls-files", "--", *names):
        return None
    new = (_git("ls-files", "--others", "--exclude-standard", "--full-name", "--", *names) or "").splitlines()
    top = (_git("rev-parse", "--show-toplevel") or "").strip()
    parts = [_git("diff", "--binary", "--no-color", "--no-ext-diff", "HEAD", "--", *names) or ""]
    # a file that git does not track yet: a diff from nothing, which ends with exit code 1
    parts += [_git("-C", top, "diff", "--binary", "--no-color", "--no-index", "/dev/null", name) or "" for name in new]
    diff = "".join(parts)
    return {
        "commit": commit.strip(),
        "dirty": bool(diff),
        "diff": diff,
        "diff_sha256": hashlib.sha256(diff.encode()).hexdigest() if diff else None,
    }


def code_hashes(code: Iterable[str | Path]) -> dict[str, str]:
    """sha256 of source files by their name from the package on (`tuneproof/train/run.py`), wherever it lies."""
    paths = sorted(Path(path).resolve() for path in code)
    return {path.relative_to(PACKAGE.parent).as_posix(): files.sha256(path) for path in paths}


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """The content with its own sha256 as last key."""
    return {**content, SEAL: _digest(content)}


def is_sealed(content: dict[str, Any]) -> bool:
    """Whether nothing was changed since `seal`."""
    return content.get(SEAL) == _digest({key: value for key, value in content.items() if key != SEAL})


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _git(*words: str) -> str | None:
    """Output of a git command about the folder of this package; None where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=PACKAGE, capture_output=True, check=False, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if done.returncode and "--no-index" not in words:
        return None
    return done.stdout.decode("utf-8", errors="replace")
