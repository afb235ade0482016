"""One run at a time in a folder, and nothing to unlock after a kill."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tuneproof import lock
from tuneproof.errors import TuneproofError

HOLD = """
import sys, time
from pathlib import Path
from tuneproof import lock
lock.hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "scratch/lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.fixture(autouse=True)
def release():
    yield
    while lock._held:
        os.close(lock._held.pop())


def test_the_second_is_told_who_the_first_is(holder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TuneproofError) as told:
        lock.hold(tmp_path / "scratch/lock")
    assert not lock.is_free(tmp_path / "scratch/lock")
    assert lock.is_free(tmp_path / "another")
    assert str(told.value) == (
        f"another run is at work in {tmp_path} (process {holder.pid}); wait until it has ended, or stop it"
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_leaves_nothing_to_unlock(holder, tmp_path, number):
    holder.send_signal(number)
    holder.wait()
    assert lock.is_free(tmp_path / "scratch/lock")
    lock.hold(tmp_path / "scratch/lock")
    assert (tmp_path / "scratch/lock").read_text() == str(os.getpid())


def test_a_child_of_the_holder_does_not_keep_the_lock(tmp_path):
    """A job that outlives its killed run for a moment must not lock the next run out."""
    script = HOLD.replace("time.sleep(60)", "import subprocess; subprocess.Popen(['sleep', '5']); time.sleep(0.2)")
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "lock")], check=True, capture_output=False)
    start = time.monotonic()
    lock.hold(tmp_path / "lock")
    assert time.monotonic() - start < 1


def test_garbage_in_the_lock_file_does_not_matter(tmp_path):
    path = tmp_path / "lock"
    path.write_bytes(b"\xff\xfe" * 5000)
    lock.hold(path)
    assert path.read_text() == str(os.getpid())
