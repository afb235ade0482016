"""A warm worker: imports torch, transformers and peft once, then forks a process for each job.

Importing them takes seconds, and a small grid has a hundred jobs. The first job that Snakemake starts on a machine
launches the worker; each further job is a thin client that hands over its arguments, working folder, environment and
standard streams through a Unix socket and waits for the exit code. A forked job runs exactly what a fresh process
would: the parent has only imported modules, holds one thread and no random state that a job uses.

Nothing outlives the run: the worker ends when the Snakemake process that it serves is gone, and a job ends when its
client does. Without Snakemake, on another system than Linux or macOS, or with `TUNEPROOF_WORKER=0`, jobs run in fresh
processes.
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
import time
from pathlib import Path

COMMANDS = {"tokenize", "search", "train", "ensemble", "evaluate"}
"""Commands that import heavy packages."""
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
    "tuneproof.cli",
    "tuneproof.ensemble",
    "tuneproof.evaluate.run",
    "tuneproof.search",
    "tuneproof.tokenize",
    "tuneproof.train.checkpoint",
    "tuneproof.train.loop",
    "tuneproof.train.run",
)
"""What a worker imports before it takes jobs."""
OWNER = "TUNEPROOF_SNAKEMAKE_PID"
"""Environment variable with the process id of the Snakemake run."""
START_SECONDS = 60.0


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


def socket_path(owner: str) -> Path:
    """Where the worker of a Snakemake process listens: a folder that only this user can enter."""
    folder = Path(tempfile.gettempdir()) / f"tuneproof-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder}: belongs to another user or is open to others; remove it")
    return folder / f"{owner}.sock"


# client


def run_remotely(arguments: list[str]) -> int:
    """Hand a job to the worker and wait for its exit code; runs it here where no worker can be had."""
    owner = os.environ[OWNER]
    connection = _connect(socket_path(owner), owner)
    if connection is None:
        from tuneproof.cli import run_here

        return run_here(arguments)
    with connection:
        request = json.dumps({"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)})
        streams = array.array("i", [0, 1, 2])
        payload = request.encode()
        header = len(payload).to_bytes(8, "big")
        connection.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(payload)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: sys.exit(128 + received))  # closing the socket ends the job
        answer = connection.recv(4)
    if len(answer) < 4:
        sys.stderr.write("error: the worker process ended before the job did (killed, or out of memory?)\n")
        return 1
    return int.from_bytes(answer, "big", signed=True)


def _connect(path: Path, owner: str) -> socket.socket | None:
    """A connection to the worker, which is started by whoever comes first."""
    with (path.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _try(path)
        if connection is not None:
            return connection
        path.unlink(missing_ok=True)
        server = subprocess.Popen(
            [sys.executable, "-m", "tuneproof.worker", str(path), owner],
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
    return None


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


# server


def serve(path: Path, owner: int) -> None:
    """Import, listen, fork; until the Snakemake process `owner` is gone."""
    listener = socket.socket(socket.AF_UNIX)
    temporary = path.with_suffix(f".{os.getpid()}")
    listener.bind(str(temporary))
    listener.listen(64)
    _warm_up()
    temporary.rename(path)  # only now: a client that can connect finds a warm worker
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    children: dict[int, socket.socket] = {}
    try:
        while _alive(owner):
            for number, _ in poller.poll(200 if children else 1000):
                if number == listener.fileno():
                    connection, _ = listener.accept()
                    children[_start(connection, listener, [*children.values()])] = connection
                    poller.register(connection, 0)  # reports a hang-up only: the request is the child's to read
                else:
                    poller.unregister(number)
                    _stop(next(child for child, held in children.items() if held.fileno() == number))
            _reap(children, poller)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".lock").unlink(missing_ok=True)
        for child in children:
            _stop(child)


def _stop(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGTERM)


def _warm_up() -> None:
    """What the jobs import; nothing here computes, so that no thread is running when a job is forked."""
    import importlib

    for name in WARM:
        importlib.import_module(name)


def _start(connection: socket.socket, listener: socket.socket, others: list[socket.socket]) -> int:
    """Fork a job for one client; returns the child's process id, which is its process group too."""
    child = os.fork()
    if child:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(child, child)
        return child
    code = 1
    try:
        os.setpgid(0, 0)
        listener.close()
        for other in others:
            other.close()
        header, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        streams = array.array("i")
        for _, _, content in ancillary:
            streams.frombytes(content)
        request = json.loads(_receive(connection, int.from_bytes(header, "big")))
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        from tuneproof.cli import run_here

        code = run_here(request["arguments"])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(code.to_bytes(4, "big", signed=True))
        os._exit(code & 0xFF)


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the client went away")
        parts += part
    return bytes(parts)


def _reap(children: dict[int, socket.socket], poller: select.poll) -> None:
    """Forget jobs that have ended; a client whose job was killed sees its connection close."""
    for child in list(children):
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            connection = children.pop(child)
            with contextlib.suppress(KeyError):
                poller.unregister(connection)
            connection.close()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
