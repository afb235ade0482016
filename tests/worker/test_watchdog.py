"""The watchdog outside a warm worker: the same end in a process of its own, and none where it is off or fed."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import sys, time
from tuneproof import watchdog
with watchdog.watching(float(sys.argv[1])):
    for _ in range(6):
        time.sleep(0.1)
        watchdog.alive()
    time.sleep(float(sys.argv[2]))
print("done")
time.sleep(0.5)  # the timer is off by now
"""


@pytest.mark.parametrize(("seconds", "last", "code"), [(0.4, 5, -signal.SIGALRM), (0.4, 0, 0), (0, 1, 0)])
def test_only_standing_still_ends_a_process(seconds, last, code):
    command = [sys.executable, "-c", SCRIPT, str(seconds), str(last)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == code
    assert ("<module>" in done.stderr) == (code != 0), "it says where it stood"
    assert done.stdout == ("done\n" if code == 0 else "")
