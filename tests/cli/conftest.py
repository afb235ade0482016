"""The command as a user types it, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("tuneproof")


@pytest.fixture
def tuneproof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """`tuneproof("check", "params.yaml", code=2)`: what stands on standard output and on standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        done = subprocess.run(
            [COMMAND, *words],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **environment},
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    return run
