"""Archives out of a package index: what comes out is what was asked for, bounded, and nothing lands elsewhere."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from tuneproof import carriers
from tuneproof.errors import DataError


def tar(path: Path, *entries: tuple[str, bytes], **attributes: bytes | str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for key, value in attributes.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_traversing_names_are_only_names(tmp_path: Path) -> None:
    """Members are written to the place that we choose; what an archive calls them does not matter."""
    archive = tar(tmp_path / "a.tar.gz", ("../../evil.txt", b"x"), ("/abs.txt", b"y"), ("good.txt", b"z"))
    carriers.extract(archive, "good.txt", tmp_path / "cache/good.txt")
    with pytest.raises(DataError, match="allowed: a path inside the archive"):
        carriers.safe_name("../../evil.txt")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar.gz", "cache", "good.txt"]


def test_a_link_to_a_secret_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("token")
    archive = tar(tmp_path / "a.tar.gz", ("data.txt", b""), type=tarfile.SYMTYPE, linkname=str(tmp_path / "secret"))
    with pytest.raises(DataError, match="allowed: a regular file"):
        carriers.extract(archive, "data.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_that_lies_about_its_size_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", b"0" * 1_000_000)
    content = path.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    monkeypatch.setattr(carriers, "MEMBER_LIMIT", 1000)
    with pytest.raises(DataError, match=r"bomb\.zip"):
        carriers.extract(path, "bomb.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bomb_beside_the_member_is_not_unfolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To find a member of a tar archive, all that stands before it must be unfolded."""
    archive = tar(tmp_path / "a.tar.gz", ("bomb", b"0" * 100_000), ("data.txt", b"x"))
    monkeypatch.setattr(carriers, "ARCHIVE_LIMIT", 50_000)
    with pytest.raises(DataError, match=r"a\.tar\.gz: unfolds to more than 50,000 bytes"):
        carriers.extract(archive, "data.txt", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_tar_header_of_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 8 * 1024**3
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT) + b"0" * 10_000)
    with pytest.raises(DataError, match="a tar header of 8,589,934,592 bytes; allowed: up to 1,048,576"):
        carriers.extract(tmp_path / "a.tar.gz", "data.txt", tmp_path / "out")


def test_encrypted_members_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.txt", "x")
    content = bytearray(path.read_bytes())
    content[6] |= 1  # local header: encrypted
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip: not a readable archive \(.*password"):
        carriers.extract(path, "data.txt", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz", "tar"])
def test_any_damage_is_the_content_or_one_line(tmp_path: Path, kind: str) -> None:
    path, out = tmp_path / f"a.{kind}", tmp_path / "out"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/data.txt", b"some content " * 50)
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            entry = tarfile.TarInfo("a/data.txt")
            entry.size = 650
            archive.addfile(entry, io.BytesIO(b"some content " * 50))
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randint(1, len(damaged))] if chance.random() < 0.3 else damaged)
        out.unlink(missing_ok=True)
        try:
            carriers.extract(path, "a/data.txt", out)
        except DataError as error:
            assert "\n" not in str(error)
            assert not out.exists()
