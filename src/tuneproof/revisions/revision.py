"""What git and DVC keep of one revision: committed files, and results out of DVC's cache or remote."""

from __future__ import annotations

import io
import subprocess
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tuneproof.errors import DataError, TuneproofError

if TYPE_CHECKING:
    import pandas as pd


class Revision:
    """A git revision of the repository in the working folder. Raises `TuneproofError` where there is none of the name.

    `name` is what was typed, `commit` the full hash.
    """

    def __init__(self, name: str) -> None:
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found is None:
            raise TuneproofError(f"--compare: found {name!r}; allowed: a git revision of this repository")
        self.name, self.commit = name, found.decode().strip()

    def committed(self, path: str) -> dict[str, Any]:
        """A YAML file as committed; empty where there is none. Raises `DataError` where it is broken."""
        content = _git("show", f"{self.commit}:{path}")
        try:
            found = yaml.safe_load(content or b"")
        except yaml.YAMLError as error:
            raise DataError(f"{self.name}:{path}: not valid YAML ({' '.join(str(error).split())})") from None
        return found if isinstance(found, dict) else {}

    def result(self, path: Path) -> bytes | None:
        """A result's bytes, or None where neither git nor DVC has it at this revision."""
        from dvc.exceptions import DvcException

        try:
            with self._files.open(path.as_posix(), "rb") as file:
                content: bytes = file.read()
                return content
        except (FileNotFoundError, IsADirectoryError):
            return None
        except (DvcException, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise TuneproofError(f"--compare: {self.name}:{path} cannot be read ({reason}); try: dvc fetch") from None

    def table(self, path: Path) -> pd.DataFrame | None:
        """A CSV result, or None."""
        import pandas as pd

        content = self.result(path)
        return None if content is None else pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[""])

    @cached_property
    def _files(self) -> Any:
        from dvc.api import DVCFileSystem

        return DVCFileSystem(url=".", rev=self.commit)


def changed_files(before: Revision, after: Revision) -> list[str]:
    """Committed files that differ, but for DVC's own."""
    found = _git("diff", "--name-only", "-z", before.commit, after.commit) or b""
    names = [name.decode(errors="replace") for name in found.split(b"\0") if name]
    return [name for name in names if name != "dvc.lock" and not name.endswith(".dvc")]


def _git(*words: str) -> bytes | None:
    """What git says, or None where it refuses."""
    done = subprocess.run(["git", *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
