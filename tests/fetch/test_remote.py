"""Files at URLs and files that DVC tracks: checked, cached, and refused in one line; no credentials anywhere."""

import functools
import hashlib
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tuneproof import fetch, mistakes, remote
from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.origins import FileSource, Source, UrlSource, tracked

CONTENT = b"text,label\n" + b"".join(b"text %d,%d\n" % (n, n % 2) for n in range(2000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(tmp_path):
    """Address of a server on this machine that has `my/rows.csv`."""
    (tmp_path / "served/my").mkdir(parents=True)
    (tmp_path / "served/my/rows.csv").write_bytes(CONTENT)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_fetched_once_and_checked(server, tmp_path):
    url = f"{server}/my/rows.csv"
    source = TypeAdapter(Source).validate_python({"url": url, "sha256": SHA256})
    manifest = fetch.fetch_data(source, Path("data"))
    path = f"data/raw/{SHA256[:12]}/rows.csv"
    assert manifest == {"kind": "url", "files": {"all": {"path": path, "sha256": SHA256, "origin": url}}}
    assert Path(path).read_bytes() == CONTENT
    (tmp_path / "served/my/rows.csv").unlink()  # from here on, the cached file serves
    assert fetch.fetch_data(source, Path("data")) == manifest
    Path(path).write_bytes(b"changed")
    with pytest.raises(DataError, match=r"cannot be fetched \(FileNotFoundError"):
        fetch.fetch_data(source, Path("data"))


def test_other_content_and_a_missing_sha256_are_told_and_leave_nothing(server):
    url = f"{server}/my/rows.csv"
    with pytest.raises(DataError, match=f"sha256 expected {'0' * 64}, found {SHA256}"):
        fetch.fetch_data(UrlSource(url={"train": url}, sha256={"train": "0" * 64}), Path("data"))
    with pytest.raises(DataError, match=f"source.sha256 is missing; found {SHA256}"):
        fetch.fetch_data(UrlSource(url=url), Path("data"))
    assert [path for path in Path("data").rglob("*") if path.is_file()] == []


def test_too_large_a_file_is_refused(server, monkeypatch):
    monkeypatch.setattr(remote, "MEMBER_LIMIT", 1000)
    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        remote.download(f"{server}/my/rows.csv", SHA256, Path("data"))


def test_signed_redirects_are_not_told(monkeypatch):
    import fsspec

    def failing(*_, **__):
        raise OSError("403 for https://store.example/file?X-Signature=secret&X-Key=secret")

    monkeypatch.setattr(fsspec, "url_to_fs", failing)
    with pytest.raises(DataError) as caught:
        remote.download("https://example.org/rows.csv", SHA256, Path("data"))
    assert "403 for https://store.example/file" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@example.org/a.csv",
        "https://example.org/a.csv?token=secret",
        "http://example.org/a.csv",
        "http://localhost.example.org/a.csv",
        "file:///etc/passwd",
        "https://example.org/a.csv::file:///etc/passwd",
        "memory://a.csv",
        "/etc/passwd",
    ],
)
def test_urls_that_are_not_allowed(url):
    with pytest.raises(ValueError, match="url"):
        UrlSource(url=url, sha256=SHA256)


@pytest.mark.parametrize("url", ["https://me:secret@example.org/a.csv", "s3://bucket/a.csv?key=secret"])
def test_secrets_in_refused_urls_are_not_shown(url):
    with pytest.raises(mistakes.Mistakes) as caught:
        mistakes.check(UrlSource, {"url": url, "sha256": SHA256})
    told = str(caught.value)
    assert "secret" not in told
    assert "a URL (https, s3, gs, abfs) without user name, password or query" in told


def test_declared_in_params():
    declared = {"task": "classification", "format": {"kind": "csv"}}
    url = {"train": "s3://bucket/train.csv", "test": "https://example.org:8080/test.csv"}
    hashes = {"train": SHA256, "test": "0" * 64}
    assert Dataset.model_validate({**declared, "source": {"url": url, "sha256": hashes}}).source.url == url
    for wrong in (SHA256, {"train": SHA256}):
        with pytest.raises(ValueError, match="one for each URL"):
            UrlSource(url=url, sha256=wrong)
    with pytest.raises(ValueError, match="train"):
        Dataset.model_validate({**declared, "source": {"url": {"test": url["test"]}, "sha256": {"test": SHA256}}})


def test_missing_files_that_dvc_tracks_come_back_as_the_message_says():
    def dvc(*words):
        subprocess.run([sys.executable, "-m", "dvc", *words], check=True, capture_output=True)

    Path("mine").mkdir()
    Path("mine/rows.csv").write_bytes(CONTENT)
    dvc("init", "--no-scm")
    dvc("remote", "add", "-d", "here", "store")
    dvc("add", "mine/rows.csv")
    dvc("push")
    Path("mine/rows.csv").unlink()
    with pytest.raises(DataError, match=r"run `dvc pull mine/rows\.csv\.dvc`"):
        fetch.fetch_data(FileSource(path="mine/rows.csv"), Path("data"))
    dvc("pull", "mine/rows.csv.dvc")
    assert fetch.fetch_data(FileSource(path="mine/rows.csv"), Path("data"))["files"]["all"]["sha256"] == SHA256
    Path("folder.dvc").write_text("outs: []\n")
    assert tracked(Path("folder/a/b.csv")) == "; DVC tracks it: run `dvc pull folder.dvc`"
    assert tracked(Path("other/a.csv")) == ""
