"""Folders as data sets: a sub-folder a class with a text a file, or a file a class with a text a line; and data sets
that the library `datasets` saved to disk.

`fetch` writes such a folder once as JSON lines, so that one file with one sha256 stands for it (as for the hub).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.errors import DataError
from tuneproof.prepare import encodings
from tuneproof.prepare.formats import FolderFormat, JsonlFormat
from tuneproof.prepare.sources import jsonl
from tuneproof.prepare.sources.base import Place, Removed, Row, lines

PLACE = " place"
"""Key of a row's file and line; a data set's own columns do not start with a blank."""

SAVED = "dataset_info.json"
"""What lies in a folder that `Dataset.save_to_disk` wrote."""


def read(path: Path, form: FolderFormat) -> Iterator[Row | Removed]:
    """Rows of an exported folder, at their places in the folder's own files; the columns are `text` and `label`."""
    for item in jsonl.read(path, JsonlFormat(kind="jsonl", encoding="utf-8")):
        if isinstance(item, Removed) or PLACE not in item.values:
            yield item
            continue
        values = dict(item.values)
        place = Place(*values.pop(PLACE))
        yield Removed(place, values["problem"]) if "problem" in values else Row(place, values)


def export(folder: Path, target: Path) -> Path:
    """Write a folder's rows as JSON lines; returns `target`. Raises `DataError` where it holds no data set."""
    rows = _saved(folder) if (folder / SAVED).is_file() else _classes(folder)
    with files.replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as sink:
        for row in rows:
            sink.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


def listed(folder: Path) -> list[Path]:
    """Files of a folder and its sub-folders, sorted; hidden ones are nobody's texts."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _classes(folder: Path) -> Iterator[dict[str, Any]]:
    """A row a file below the sub-folders, or a row a line of the files. Files that are no text have a `problem`."""
    paths = listed(folder)
    direct = [path for path in paths if path.parent == folder]
    below = [path for path in paths if path.parent != folder]
    if len({path.relative_to(folder).parts[0] for path in below}) >= 2:
        for path in below:
            name = path.relative_to(folder)
            yield {PLACE: [name.as_posix(), 1], "label": name.parts[0], **_content(path)}
    elif len(direct) >= 2 and not below:
        for path in direct:
            content = _content(path)
            if "problem" in content:
                yield {PLACE: [path.name, 1], **content}
                continue
            for number, line in enumerate(lines(path, content["encoding"]), start=1):
                if line.strip():
                    yield {PLACE: [path.name, number], "label": path.stem, **content, "text": line}
    else:
        raise DataError(
            f"{folder}: found {len(direct)} files and {len(paths) - len(direct)} below; allowed: a sub-folder a class, "
            "a file a class, or a data set that the library datasets saved to disk (one split)"
        )


def _content(path: Path) -> dict[str, str]:
    """Text and encoding of a file, or why it cannot be read."""
    content = path.read_bytes()
    try:
        encoding = encodings.found(path, content)
        return {"text": content.decode(encoding).removeprefix("\ufeff"), "encoding": encoding}
    except (DataError, UnicodeDecodeError):
        return {"problem": "not a text file in one encoding"}


def _saved(folder: Path) -> Iterator[dict[str, Any]]:
    """Rows of a data set saved to disk; class numbers become names."""
    from tuneproof.prepare.sources import hub

    try:
        from datasets import load_from_disk
    except ImportError:
        raise DataError(f"{folder}: needs the library datasets; run: pip install 'tuneproof[hub]'") from None
    try:
        rows = load_from_disk(str(folder))
    except (ValueError, OSError, KeyError) as error:  # what the library raises for broken folders
        reason = " ".join(str(error).split())
        raise DataError(f"{folder}: not a data set that was saved to disk ({reason})") from None
    yield from hub.plain_rows(rows)
