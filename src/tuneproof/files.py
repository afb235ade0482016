"""Writing and reading files: complete or not at all, and the same bytes for the same content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof.errors import DataError, of_disk

if TYPE_CHECKING:
    import pandas as pd


PART = ".part"
"""How the temporary names end; what a kill left behind under one is nobody's result."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; when the block ends well, the file takes its place in one step.

    Raises `TuneproofError` where the disk is full or read-only.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except Exception as error:
        if (told := of_disk(error, path)) is not None:
            raise told from error
        raise


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """JSON for people and for diffs: indented, non-ASCII kept. NaN is refused (ValueError)."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_if_changed(path: Path, text: str) -> bool:
    """Write only where the content differs, so that time stamps mean something. Returns whether it wrote."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def read_json(path: Path) -> Any:
    """Read JSON; raises `DataError` naming the file where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: file not found") from None
    except RecursionError:
        raise DataError(f"{path}: not valid JSON (nested too deeply); delete it and run again") from None
    except ValueError as error:  # not UTF-8, not JSON, or a number of thousands of digits
        raise DataError(f"{path}: not valid JSON ({error}); delete it and run again") from None


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as Parquet, with checksums; equal frames give equal bytes."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, engine="pyarrow", index=False, compression="zstd", write_page_checksum=True)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def read_frame(path: Path) -> pd.DataFrame:
    """Read Parquet; raises `DataError` naming the file where it is missing or broken, be it by one bit."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except FileNotFoundError:
        raise DataError(f"{path}: file not found") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from None


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


COSTS = ("cost.json", "provenance.json", "index.html", "leaderboard.csv", "leaderboard.tex", "report.md")
"""Files that hold seconds, megabytes and commits, or show them."""
SHOWN_COSTS = ("model_cards", "cost-")
"""A folder of such files, and how names of figures begin that show seconds."""


def compared(results: Path) -> list[Path]:
    """Files that two equal runs must agree on, byte for byte: all but costs, what shows costs, and settings.

    Hidden files are not among them: Snakemake's notes, and what a kill left behind.
    """
    return sorted(
        path
        for path in results.rglob("*")
        if path.is_file()
        and path.name not in COSTS
        and not path.name.startswith(SHOWN_COSTS)
        and path.parent.name not in SHOWN_COSTS
        and not any(part.startswith(".") for part in path.relative_to(results).parts)
        and path.relative_to(results).parts[0] not in ("settings", "experiments")
    )
