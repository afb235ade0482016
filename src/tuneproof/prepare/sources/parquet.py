"""Parquet: rows count from 1, as lines do elsewhere. Class numbers of the library `datasets` become their names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof.errors import DataError
from tuneproof.prepare.formats import ParquetFormat
from tuneproof.prepare.sources.base import Place, Removed, Row

BATCH = 10_000


def read(path: Path, form: ParquetFormat) -> Iterator[Row | Removed]:
    """Rows with values as Python has them. Raises `DataError` where the file is no Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            features = _features(file.schema_arrow.metadata)
            number = 0
            for batch in file.iter_batches(BATCH):
                for values in batch.to_pylist():
                    number += 1
                    named = {name: _named(features.get(name), value) for name, value in values.items()}
                    yield Row(Place(path.name, number), named)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable Parquet file ({reason}); allowed: a whole one") from None


def _features(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Column → feature as `datasets` describes it in the file; empty where another program wrote it."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):  # not from there, or in a form that we do not know
        return {}
    return features if isinstance(features, dict) else {}


def _named(feature: Any, value: Any) -> Any:
    """The value with class numbers replaced by names; −1, the mark for "no label", becomes None."""
    if not isinstance(feature, dict):
        return value
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list) and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    if isinstance(value, list):
        return [_named(feature.get("feature"), item) for item in value]
    return value
