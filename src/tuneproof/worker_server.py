"""The warm worker: imports what jobs need, listens, and forks a process for each job. See `worker.py`.

It holds one thread and computes nothing, so that a forked job is what a fresh process would be. It alone knows how a
job ended, a kill included, and tells the client.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from tuneproof.worker import CODE_BYTES, HEADER_BYTES, TAKEN, Owner, receive

WARM = (
    "optuna.storages.journal",
    "pandas",
    "peft",
    "pyarrow.parquet",
    "scipy.special",
    "scipy.stats",
    "seqeval.scheme",
    "torch",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "tuneproof.challenge.run",
    "tuneproof.cli",
    "tuneproof.ensemble.run",
    "tuneproof.evaluate.run",
    "tuneproof.search",
    "tuneproof.tokenize",
    "tuneproof.train.checkpoint",
    "tuneproof.train.loop",
    "tuneproof.train.run",
)
"""What a worker imports before it takes jobs."""

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: which signal to get when the parent ends."""


def serve(path: Path, owner: int) -> None:
    """Import, listen, fork; until the Snakemake process `owner` is gone."""
    served = Owner(owner)
    warm_up(served)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))  # only now: a client that can connect finds a warm worker
    listener.listen(64)
    bell = child_bell()
    poller = select.poll()
    for descriptor in (listener.fileno(), bell, *served.descriptors):
        poller.register(descriptor, select.POLLIN)
    jobs: dict[int, socket.socket] = {}
    try:
        while served.alive():
            for number, _ in poller.poll(1000):
                if number == listener.fileno():
                    connection, _ = listener.accept()
                    jobs[start(connection, [listener, *jobs.values()])] = connection
                    poller.register(connection, 0)  # reports a hang-up only: the request is the child's to read
                elif number == bell:
                    os.read(bell, 4096)
                else:
                    for child in [child for child, held in jobs.items() if held.fileno() == number]:
                        poller.unregister(number)
                        stop(child)
            reap(jobs, poller)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".lock").unlink(missing_ok=True)
        for child in jobs:
            stop(child)


def warm_up(served: Owner) -> None:
    """Import what jobs need, which takes long on a busy machine; ends this process where Snakemake ends meanwhile."""

    def look(*_: object) -> None:
        if not served.alive():
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    for name in WARM:
        importlib.import_module(name)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def child_bell() -> int:
    """A descriptor that can be read when a child has ended."""
    bell, ring = os.pipe()
    for descriptor in (bell, ring):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, else nothing is written
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    return bell


def start(connection: socket.socket, others: list[socket.socket]) -> int:
    """Fork a job for one client; returns the child's process id, which is its process group too."""
    server = os.getpid()
    child = os.fork()
    if child:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(child, child)
        with contextlib.suppress(OSError):  # a client that is gone already: the poller will say so
            connection.sendall(TAKEN)
        return child
    code = 1
    try:
        os.setpgid(0, 0)
        die_with(server)
        for other in others:
            other.close()
        code = run_job(connection)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):  # a log on a full disk: the exit code says enough
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def die_with(server: int) -> None:
    """Have this job killed when the worker is; elsewhere than on Linux it goes on until its own end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)


def run_job(connection: socket.socket) -> int:
    """Take the client's place: arguments, folder, environment, umask, standard streams, usual signals."""
    header, ancillary, _, _ = connection.recvmsg(HEADER_BYTES, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i")
    for _, _, content in ancillary:
        streams.frombytes(content)
    request: dict[str, Any] = json.loads(receive(connection, int.from_bytes(header, "big")))
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["tuneproof", *request["arguments"]]
    from tuneproof.cli import run_here

    return run_here(request["arguments"])


def reap(jobs: dict[int, socket.socket], poller: select.poll) -> None:
    """Tell the clients of jobs that have ended how they did: an exit code, or -n where signal n ended it."""
    for child in list(jobs):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            connection = jobs.pop(child)
            with contextlib.suppress(KeyError):  # hung up, and taken out before
                poller.unregister(connection)
            with contextlib.suppress(OSError):  # nobody waits for it any more
                connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(CODE_BYTES, "big", signed=True))
            connection.close()


def stop(child: int) -> None:
    """End a job and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # taking apart all that was imported takes a second
