"""`tuneproof verify --against REV`: the report's numbers beside those of another revision, out of DVC's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.errors import TuneproofError
from tuneproof.verify.items import Item, by_value


def against(results: Path, revision: str) -> Iterator[Item]:
    """An item a number: the revision's value as `stored`, this one's as `again`.

    `A..B` compares two revisions. Raises `TuneproofError` where a revision or its results are not at hand.
    """
    first, dots, second = revision.partition("..")
    path = results / "report" / "metrics.json"
    before = _read(path, first)
    now = _read(path, second) if dots else files.read_json(path)
    one, other = dict(_numbers(before)), dict(_numbers(now))
    for name in dict.fromkeys([*one, *other]):
        if name not in other:
            yield Item("missing", name, f"only in {first}")
        elif name not in one:
            yield Item("missing", name, f"not in {first}")
        else:
            yield by_value(name, one[name], other[name])


def _read(path: Path, revision: str) -> Any:
    """A result as a revision has it: from DVC's cache, or else its remote."""
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        return json.loads(dvc.api.read(path.as_posix(), repo=".", rev=revision, encoding="utf-8"))
    except (DvcException, SCMError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TuneproofError(
            f"--against: found {revision!r}, whose {path} cannot be read ({reason}); allowed: a git "
            "revision with a dvc.lock whose results are in DVC's cache or remote (dvc fetch --all-commits)"
        ) from None


def _numbers(content: Any, where: str = "") -> Iterator[tuple[str, float | None]]:
    """`data set/model/method/score` → value."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _numbers(value, f"{where}/{key}" if where else str(key))
    else:
        yield where, content
