"""A warm worker: imports torch, transformers and peft once, then forks a process for each job.

Importing them takes seconds, and a small grid has a hundred jobs. The first job that Snakemake starts on a machine
launches the worker; each further job is a thin client that hands over its arguments, working folder, environment and
standard streams through a Unix socket and waits for the exit code. A forked job runs exactly what a fresh process
would: the parent has only imported modules, holds one thread and no random state that a job uses.

Nothing outlives the run. The worker ends when the Snakemake process that it serves is gone; a job ends when its client
does, or the worker (on Linux the kernel sees to it, even where the worker was killed). Without Snakemake, on another
system than Linux or macOS, or with `TUNEPROOF_WORKER=0`, jobs run in fresh processes.

Here is the client; the worker itself is `worker_server.py`.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

COMMANDS = {"tokenize", "search", "train", "teach", "challenge", "ensemble", "evaluate"}
"""Commands that import heavy packages."""
OWNER = "TUNEPROOF_SNAKEMAKE_PID"
"""Environment variable with the process id of the Snakemake run."""
START_SECONDS = 60.0
"""How long a client waits for a worker to start, and for a started one to take its job."""
LONGEST_FOLDER = 85
"""Bytes: with the socket's name, what every system's socket addresses can hold (104 on macOS, 108 on Linux)."""
TAKEN = b"+"
"""What the worker answers when it has forked; the exit code follows when the job has ended."""
CODE_BYTES = 4
HEADER_BYTES = 8


def serve_this_process() -> None:
    """Called in the Snakefile: jobs below this process may share a worker, which ends with it."""
    os.environ[OWNER] = str(os.getpid())


def wanted(arguments: list[str]) -> bool:
    """Whether this job should go to a worker."""
    return bool(
        arguments
        and arguments[0] in COMMANDS
        and "--help" not in arguments
        and os.environ.get(OWNER)
        and os.environ.get("TUNEPROOF_WORKER", "1") != "0"
        and hasattr(os, "fork")
        and hasattr(socket, "SCM_RIGHTS")
    )


class Owner:
    """The Snakemake process that a worker or a job works for."""

    def __init__(self, process: int) -> None:
        self.process, self.descriptors = process, list[int]()
        if sys.platform == "linux":  # its end is known at once, even that of a zombie
            with contextlib.suppress(ProcessLookupError):
                self.descriptors.append(os.pidfd_open(process))

    def alive(self, wait: float = 0.0) -> bool:
        """Whether it still runs; `wait` seconds at most for its end."""
        if self.descriptors:
            return not select.select(self.descriptors, [], [], wait)[0]
        time.sleep(wait)
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        return True


def end_with_owner() -> None:
    """Let this process, which is no worker's job, not outlive the Snakemake run either."""
    if not os.environ.get(OWNER):
        return
    owner = Owner(int(os.environ[OWNER]))

    def watch() -> None:
        while owner.alive(wait=1.0):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def socket_path(owner: str) -> Path:
    """Where the worker of a Snakemake process listens: a folder that only this user can enter.

    Raises `PermissionError` where the folder is another user's, or open to others.
    """
    folder = Path(tempfile.gettempdir()) / f"tuneproof-{os.getuid()}"
    if len(os.fsencode(folder)) > LONGEST_FOLDER:
        folder = Path("/tmp") / folder.name
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to another user or is open to others; remove it")
    return folder / f"{owner}.sock"


def run_remotely(arguments: list[str]) -> int:
    """Hand a job to the worker and wait for its exit code; runs it here where no worker can be had."""
    usual = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        connection = _connect(os.environ[OWNER])
    except OSError as error:
        sys.stderr.write(f"no warm worker ({error}): the job runs in a process of its own\n")
        connection = None
    if connection is not None:
        with connection:
            return _hand_over(connection, arguments)
    from tuneproof.cli import run_here

    end_with_owner()
    for number, handler in usual.items():
        signal.signal(number, handler)
    return run_here(arguments)


def _hand_over(connection: socket.socket, arguments: list[str]) -> int:
    """Send one job and wait until it has ended; returns its exit code, 128 + n where signal n ended it."""
    umask = os.umask(0)
    os.umask(umask)
    request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ), "umask": umask}
    payload = json.dumps(request).encode()
    header, streams = len(payload).to_bytes(HEADER_BYTES, "big"), array.array("i", [0, 1, 2])
    connection.settimeout(START_SECONDS)
    try:
        connection.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(payload)
        answer = receive(connection, len(TAKEN))
        connection.settimeout(None)
        answer = receive(connection, CODE_BYTES)
    except TimeoutError:
        return _failed(f"the warm worker took no job for {START_SECONDS:.0f} s; TUNEPROOF_WORKER=0 does without it")
    except ConnectionError:
        return _failed("the warm worker was killed, and this job with it; run again: it goes on where it was")
    code = int.from_bytes(answer, "big", signed=True)
    if code >= 0:
        return code
    ends = {
        signal.SIGKILL: "killed, perhaps because memory ran out (fewer --cores, or a smaller batch_size, need less)",
        signal.SIGALRM: "ended because it stood still (where: see above; TUNEPROOF_STALL_MINUTES is the limit)",
    }
    how = ends.get(signal.Signals(-code), f"ended by {signal.Signals(-code).name}")
    return _failed(f"the job was {how}; run again: it goes on where it was", 128 - code)


def receive(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes. Raises `ConnectionError` where the other side goes away before."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the other side went away")
        parts += part
    return bytes(parts)


def _failed(line: str, code: int = 1) -> int:
    sys.stderr.write(f"error: {line}\n")
    return code


def _leave(received: int, _: FrameType | None) -> None:
    """Closing the socket, as leaving does, ends the job."""
    raise SystemExit(128 + received)


def _connect(owner: str) -> socket.socket | None:
    """A connection to the worker, which is started by whoever comes first; None where it does not come up."""
    path = socket_path(owner)
    with (path.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _try(path)
        if connection is not None:
            return connection
        path.unlink(missing_ok=True)
        server = subprocess.Popen(
            [sys.executable, "-m", "tuneproof.worker_server", str(path), owner],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and server.poll() is None:
            connection = _try(path)
            if connection is not None:
                return connection
            time.sleep(0.02)
        server.kill()
    return None


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection
