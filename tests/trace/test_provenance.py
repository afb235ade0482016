"""What a run writes down about how it came to be."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tuneproof import provenance


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `src/tuneproof` in a git repository of its own."""
    folder = tmp_path / "project/src/tuneproof"
    folder.mkdir(parents=True)
    (folder / "loop.py").write_text("steps = 1\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    return folder


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(package: Path) -> str:
    git(package.parent.parent, "init", "-q")
    git(package.parent.parent, "add", "-A")
    git(package.parent.parent, "commit", "-q", "-m", "start")
    return git(package, "rev-parse", "HEAD").strip()


def test_a_clean_commit_has_no_diff(package):
    head = commit(package)
    assert provenance.git([package / "loop.py"]) == {"commit": head, "dirty": False, "diff": "", "diff_sha256": None}


def test_uncommitted_code_can_be_had_back_from_commit_and_diff(package, tmp_path):
    head = commit(package)
    (package / "loop.py").write_text("steps = 2\n")
    (package / "new.py").write_text("# new\n")
    (package.parent.parent / "notes.txt").write_text("a secret that no code reads")
    made = provenance.git([package / "loop.py", package / "new.py"])
    assert made is not None
    assert made["dirty"]
    assert made["diff_sha256"] == hashlib.sha256(made["diff"].encode()).hexdigest()
    assert "secret" not in made["diff"]
    git(package.parent.parent, "clone", "-q", ".", str(tmp_path / "clone"))
    git(tmp_path / "clone", "checkout", "-q", head)
    subprocess.run(["git", "apply"], cwd=tmp_path / "clone", input=made["diff"], text=True, check=True)
    assert (tmp_path / "clone/src/tuneproof/loop.py").read_text() == "steps = 2\n"
    assert (tmp_path / "clone/src/tuneproof/new.py").read_text() == "# new\n"


def test_without_a_repository_there_is_no_commit(package):
    assert provenance.git([package / "loop.py"]) is None


def test_code_that_git_does_not_track_has_no_commit(package):
    (package.parent.parent / ".gitignore").write_text("src/\n")
    commit(package)
    assert provenance.git([package / "loop.py"]) is None


def test_code_is_named_from_the_package_on(package):
    digest = hashlib.sha256(b"steps = 1\n").hexdigest()
    assert provenance.code_hashes([package / "loop.py"]) == {"tuneproof/loop.py": digest}


def test_a_seal_breaks_with_any_change():
    sealed = provenance.seal({"command": "tuneproof train", "files": {"run.json": "0" * 64}})
    assert provenance.is_sealed(sealed)
    assert not provenance.is_sealed({**sealed, "command": "tuneproof trains"})
    assert not provenance.is_sealed({key: value for key, value in sealed.items() if key != "sha256"})


def test_no_environment_variable_is_kept_but_the_named_ones(monkeypatch, package):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    described = provenance.describe(["tuneproof", "train", "--seed", "0"], [package / "loop.py"])
    assert described["environment"]["OMP_NUM_THREADS"] == "1"
    assert "hf_secret" not in str(described)
    assert described["command"] == "tuneproof train --seed 0"
