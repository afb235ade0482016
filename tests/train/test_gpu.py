"""GPUs are handed out one a job; the driver's list is a stand-in, the locks are real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuneproof.errors import TuneproofError
from tuneproof.train import gpu

JOB = """
import sys
from pathlib import Path
from tuneproof.errors import TuneproofError
from tuneproof.train import gpu
try:
    print(gpu.take("cuda", Path(sys.argv[1])), flush=True)
except TuneproofError as error:
    print(error, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_held", [])


def job(folder: Path, visible: str) -> subprocess.Popen[str]:
    environment = {**os.environ, gpu.VISIBLE: visible}
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_job_gets_its_own_and_a_dead_one_gives_it_back(tmp_path: Path) -> None:
    first, second, third = (job(tmp_path, "4,7") for _ in range(3))
    try:
        answers = [said(process) for process in (first, second, third)]
        assert sorted(answer for answer in answers if len(answer) == 1) == ["4", "7"]
        refused = next(answer for answer in answers if len(answer) > 1)
        assert "all 2 GPUs (4, 7) are held by other jobs; allowed: as many jobs at once as GPUs" in refused
        killed = next(p for p, answer in zip((first, second, third), answers, strict=True) if answer == "4")
        killed.kill()
        killed.wait()
        again = job(tmp_path, "4,7")
        assert said(again) == "4"
        again.kill()
        again.wait()
    finally:
        for process in (first, second, third):
            process.kill()
            process.wait()


def test_nothing_is_taken_where_there_is_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for visible in ("", "-1", "0"):
        monkeypatch.setenv(gpu.VISIBLE, visible)
        assert gpu.take("cuda", tmp_path) is None
    monkeypatch.setenv(gpu.VISIBLE, "0,1")
    assert gpu.take("cpu", tmp_path) is None
    assert gpu.take("mps", tmp_path) is None


def test_the_driver_is_asked_where_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    program.chmod(0o755)
    monkeypatch.delenv(gpu.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpu.present() == ["0", "1"]
    monkeypatch.setenv(gpu.VISIBLE, "")
    assert gpu.take("auto", tmp_path / "locks") is None
    monkeypatch.delenv(gpu.VISIBLE)
    assert gpu.take("auto", tmp_path / "locks") == "0"
    program.write_text("#!/bin/sh\nexit 9\n")
    monkeypatch.delenv(gpu.VISIBLE)
    assert gpu.present() == []


def test_refusal_is_our_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = job(tmp_path, "a,b")
    other = job(tmp_path, "a,b")
    try:
        assert {said(holder), said(other)} == {"a", "b"}
        monkeypatch.setenv(gpu.VISIBLE, "a,b")
        with pytest.raises(TuneproofError, match="--resources gpu=2"):
            gpu.take("cuda", tmp_path)
    finally:
        for process in (holder, other):
            process.kill()
            process.wait()
