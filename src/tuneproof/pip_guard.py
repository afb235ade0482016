"""pip, stopped before it runs anything of what it downloads.

`pip download` of a source distribution runs the package's build to learn its dependencies, even with `--no-deps`.
This script is pip in one process: once the archive with the given sha256 was opened, the first attempt to start
another process ends pip, and the archive is kept. Wheels need no build: pip finishes by itself.

Usage: python -P pip_guard.py SHA256 FOLDER <pip's arguments>; a source archive lands in FOLDER.
"""

from __future__ import annotations

import hashlib
import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
STARTS = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"})


def guard(sha256: str, folder: Path) -> None:
    """From now on, keep the archive and end this process where it would start another one."""
    opened: set[Path] = set()

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(details[0], str) and details[0].endswith(ARCHIVES):
            opened.add(Path(details[0]))
        elif event in STARTS:
            for path in filter(Path.is_file, list(opened)):
                if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                    shutil.copyfile(path, folder / path.name)
                    os._exit(0)

    sys.addaudithook(watch)


if __name__ == "__main__":
    guard(sys.argv[1], Path(sys.argv[2]).resolve())
    sys.argv = ["pip", *sys.argv[3:]]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
