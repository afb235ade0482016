"""Data sets of the Hugging Face hub, exported once as JSON lines, so that preparing them needs no network.

Class numbers become their names, also within lists of tags. Columns that JSON cannot hold (images, audio) are left
out. The files depend on the data alone, not on versions of libraries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.origins import HubSource
from tuneproof.prepare.formats import JsonlFormat
from tuneproof.prepare.sources import jsonl
from tuneproof.prepare.sources.base import Removed, Row


def read(path: Path, form: None) -> Iterator[Row | Removed]:
    """Rows of an exported file; there is no format to choose."""
    return jsonl.read(path, JsonlFormat(kind="jsonl", encoding="utf-8"))


def export(source: HubSource, folder: Path, *, cache: Path) -> list[Path]:
    """Write one file a split into `folder`; their paths in the order of `source.splits`.

    Raises `DataError` where the library `datasets` is missing, or the data set cannot be fetched.
    """
    return [_export(source, theirs, folder / f"{split}.jsonl", cache) for split, theirs in source.splits.items()]


def _export(source: HubSource, split: str, path: Path, cache: Path) -> Path:
    if Path(source.hub).exists():  # the library would read it in place of the hub's, whatever the revision
        raise DataError(f"{source.hub}: a file or folder of that name lies here; rename it to use the hub's data set")
    try:
        from datasets import load_dataset  # not `import datasets`, which would find a folder of that name
    except ImportError:
        raise DataError(f"{source.hub}: needs the library datasets; run: pip install 'tuneproof[hub]'") from None
    try:
        rows = load_dataset(source.hub, source.config, split=split, revision=source.revision, cache_dir=str(cache))
    except (ValueError, RuntimeError, OSError) as error:  # what the library raises for names, scripts and networks
        reason = " ".join(str(error).split())
        raise DataError(f"{source.hub}@{source.revision[:12]} split {split!r}: cannot be fetched ({reason})") from None
    with files.replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as sink:
        for row in plain_rows(rows):
            sink.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def plain_rows(rows: Any) -> Iterator[dict[str, Any]]:
    """Rows of a `datasets.Dataset` with the columns that JSON can hold, class numbers as names."""
    features = {name: feature for name, feature in rows.features.items() if _is_plain(feature)}
    for row in rows.select_columns(list(features)):
        yield {name: _named(features[name], value) for name, value in row.items()}


def _is_plain(feature: Any) -> bool:
    """Whether a column holds text, numbers, class names, or lists of them."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        return True
    if isinstance(feature, datasets.Value):
        return str(feature.dtype).startswith(("string", "large_string", "int", "uint", "float", "bool"))
    inner = getattr(feature, "feature", None)
    return inner is not None and not isinstance(inner, dict) and _is_plain(inner)


def _named(feature: Any, value: Any) -> Any:
    """The value with class numbers replaced by names; −1, the hub's mark for "no label", becomes None."""
    import datasets

    if isinstance(value, list):
        return [_named(feature.feature, item) for item in value]
    if isinstance(feature, datasets.ClassLabel) and value is not None:
        return feature.int2str(value) if value >= 0 else None
    return value
