"""The results folder, read file by file.

A file that is not there is an absence, which is stated; a file that is broken is a `DataError`. Every file that was
read is remembered with its sha256, so that each number on the page has a source.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The results folder, read file by file; remembers what was read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read: dict[str, str] = {}
        """Path below the folder → sha256."""

    def json(self, *parts: str) -> dict[str, Any] | None:
        path = self._found(parts)
        if path is None:
            return None
        content = files.read_json(path)
        if not isinstance(content, dict):
            raise DataError(f"{path}: found {type(content).__name__}; allowed: an object; delete it and run again")
        return content

    def csv(self, *parts: str) -> pd.DataFrame | None:
        import pandas as pd

        path = self._found(parts)
        if path is None:
            return None
        try:
            return pd.read_csv(path, keep_default_na=False, na_values=[""])  # a method may be called `none`
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not a readable table ({error}); delete it and run again") from None

    def frame(self, *parts: str) -> pd.DataFrame | None:
        """A Parquet table."""
        path = self._found(parts)
        return None if path is None else files.read_frame(path)

    def _found(self, parts: tuple[str, ...]) -> Path | None:
        path = self.root.joinpath(*parts)
        if not path.is_file():
            return None
        self.read["/".join(parts)] = files.sha256(path)
        return path


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as mappings; what is missing is None."""
    plain = frame.astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]
