"""Data files at a URL (https, s3, gs, abfs), by fsspec: downloaded once, checked against their sha256.

Credentials are the environment's business (`AWS_PROFILE`, `.netrc`, …): URLs with any are refused in params, and what
servers answer is told without the query strings that signed redirects carry.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tuneproof import files
from tuneproof.carriers import MEMBER_LIMIT, safe_name
from tuneproof.errors import DataError, TuneproofError

CHUNK = 1024**2
EXTRAS = {"s3": "pip install 'tuneproof[s3]'", "gs": "pip install gcsfs", "abfs": "pip install adlfs"}
QUERY = re.compile(r"\?[^\s'\")]*")


def download(url: str, sha256: str | None, cache: Path) -> Path:
    """Path of the file below `cache`/raw; downloaded where it is not there yet.

    Raises `DataError` where it cannot be had, is larger than `MEMBER_LIMIT` bytes, has another sha256, or where no
    sha256 is given: the line states the one that was found.
    """
    if sha256 is None:
        with files.replacing(cache / "raw" / "unknown" / _name(url)) as temporary:
            _fetch(url, temporary)
            raise DataError(
                f"{url}: source.sha256 is missing; found {files.sha256(temporary)}: look, then write it down"
            )
    target = cache / "raw" / sha256[:12] / _name(url)
    if target.is_file() and files.sha256(target) == sha256:
        return target
    with files.replacing(target) as temporary:
        _fetch(url, temporary)
        if (found := files.sha256(temporary)) != sha256:
            raise DataError(f"{url}: sha256 expected {sha256}, found {found}")
    return target


def _name(url: str) -> Path:
    return safe_name(PurePosixPath(urlsplit(url).path).name or "file")


def _fetch(url: str, path: Path) -> None:
    """Write what the URL holds. Whatever a file system raises becomes one line."""
    import fsspec

    scheme = urlsplit(url).scheme
    options: dict[str, Any] = {"client_kwargs": {"trust_env": True}} if scheme == "https" else {}
    try:
        system, place = fsspec.url_to_fs(url, **options)
        streamed = {"block_size": 0} if scheme in ("http", "https") else {}
        with system.open(place, "rb", **streamed) as remote, path.open("wb") as local:
            size = 0
            while chunk := remote.read(CHUNK):
                size += len(chunk)
                if size > MEMBER_LIMIT:
                    raise DataError(f"{url}: larger than {MEMBER_LIMIT:,} bytes")
                local.write(chunk)
    except TuneproofError:
        raise
    except ImportError:
        raise DataError(f"{url}: {scheme}:// needs a library: {EXTRAS.get(scheme, 'fsspec names it')}") from None
    except Exception as error:  # each file system has errors of its own
        reason = QUERY.sub("", " ".join(str(error).split()))[:300]
        raise DataError(f"{url}: cannot be fetched ({type(error).__name__}: {reason})") from None
