"""Readers of data files. One file a format; one line here.

A reader is a function `read(path, format)` that gives, in the order of the file, a `Row` or a `Removed` for
everything that it read: rows read = rows kept + rows removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuneproof import registry
from tuneproof.prepare.sources.base import Removed, Row

READERS = {
    "conll": "tuneproof.prepare.sources.conll:read",
    "csv": "tuneproof.prepare.sources.csv:read",
    "excel": "tuneproof.prepare.sources.excel:read",
    "folder": "tuneproof.prepare.sources.folder:read",
    "hub": "tuneproof.prepare.sources.hub:read",
    "json": "tuneproof.prepare.sources.json:read",
    "jsonl": "tuneproof.prepare.sources.jsonl:read",
    "lines": "tuneproof.prepare.sources.lines:read",
    "parquet": "tuneproof.prepare.sources.parquet:read",
    "spans": "tuneproof.prepare.sources.spans:read",
}


def get(kind: str) -> Callable[[Path, Any], Iterator[Row | Removed]]:
    """The reader of a format. Raises KeyError for an unknown kind."""
    return registry.load(READERS, kind)
