"""The warm worker: a job there is what a fresh process would be, and nobody outlives whom it works for."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tuneproof import worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")

JOB = '''
import json, os, signal, sys, time
from pathlib import Path

def run_here(arguments):
    """Stands for tuneproof.cli.run_here: says what it finds, then does what the arguments say."""
    found = {
        "arguments": arguments, "argv": sys.argv, "folder": os.getcwd(), "variable": os.environ.get("SOME_VARIABLE"),
        "pid": os.getpid(), "group": os.getpgid(0), "parent": os.getppid(), "stdin": sys.stdin.read(),
        "sigint": repr(signal.getsignal(signal.SIGINT)), "sigterm": repr(signal.getsignal(signal.SIGTERM)),
        "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
    }
    Path("found.part").write_text(json.dumps(found))
    Path("found.part").rename("found.json")
    print("said on stdout")
    print("said on stderr", file=sys.stderr)
    what = arguments[1]
    if what == "sleep":
        while True:
            time.sleep(0.1)
    if what == "raise":
        raise RuntimeError("a bug")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "stall":
        from tuneproof import watchdog
        with watchdog.watching(0.3):
            for _ in range(4):
                time.sleep(0.15)
                watchdog.alive()
            print("alive so far", file=sys.stderr, flush=True)
            time.sleep(60)
    return int(what)
'''
MAIN = """
import sys
from tuneproof import worker
raise SystemExit(worker.run_remotely(sys.argv[1:]) if worker.wanted(sys.argv[1:]) else 99)
"""
SNAKEMAKE = """
import os, subprocess, sys
from tuneproof import worker
worker.serve_this_process()
client = subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], stdin=subprocess.DEVNULL)
sys.exit(client.wait())
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a light worker in it: it imports nothing heavy, and its jobs are `JOB` above."""
    package = tmp_path / "light" / "tuneproof"
    package.mkdir(parents=True)
    source = Path(worker.__file__).parent
    (package / "__init__.py").touch()
    for name in ("worker.py", "watchdog.py"):
        (package / name).write_text((source / name).read_text())
    server = (source / "worker_server.py").read_text()
    before, _, after = server.partition("WARM = (")
    (package / "worker_server.py").write_text(before + 'WARM = ("tuneproof.cli",' + after[after.index("\n)") :])
    (package / "cli.py").write_text(JOB)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("TUNEPROOF_WORKER", raising=False)
    monkeypatch.setattr(worker.tempfile, "tempdir", None)
    (tmp_path / "work").mkdir()
    yield tmp_path / "work"
    for process in processes():
        process.kill()
    monkeypatch.setattr(worker.tempfile, "tempdir", None)


def processes():
    """Workers, jobs and clients that run on behalf of this test: they have its TMPDIR."""
    mine = os.environ["TMPDIR"]
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("TMPDIR") == mine:
                found += [process] if process.status() != psutil.STATUS_ZOMBIE else []
        except psutil.Error:
            continue
    return found


def gone_after(seconds=2.0):
    """Waits until no process is left, at most so long; returns how many are."""
    end = time.monotonic() + seconds
    while processes() and time.monotonic() < end:
        time.sleep(0.02)
    return len(processes())


@pytest.fixture
def owner(place, monkeypatch):
    """A process that stands for Snakemake."""
    process = subprocess.Popen(["sleep", "120"], env={"PATH": os.environ["PATH"]})
    monkeypatch.setenv(worker.OWNER, str(process.pid))
    yield process
    process.kill()
    process.wait()


def client(place, *arguments, **options):
    options = {"stdin": subprocess.DEVNULL, "cwd": place, **options}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", MAIN, *arguments], **pipes, **options)


def found(place, seconds=20.0):
    end = time.monotonic() + seconds
    while not (place / "found.json").exists():
        assert time.monotonic() < end, "the job did not start"
        time.sleep(0.01)
    return json.loads((place / "found.json").read_text())


def listening(place):
    (path,) = (place.parent).glob("tuneproof-*/*.sock")
    return path


def server_of(job):
    return psutil.Process(job["parent"])


# a job is what a fresh process would be


def test_arguments_folder_environment_streams_signals_and_code(place, owner, monkeypatch):
    monkeypatch.setenv("SOME_VARIABLE", "grüße")
    first = client(place, "train", "0")
    assert first.wait() == 0
    monkeypatch.setenv("SOME_VARIABLE", "another")
    (place / "inner").mkdir()
    second = client(place / "inner", "train", "7", "x y", stdin=subprocess.PIPE)
    out, err = second.communicate("typed")
    assert (second.returncode, out, err) == (7, "said on stdout\n", "said on stderr\n")
    one, other = found(place), found(place / "inner")
    assert one["variable"] == "grüße"
    assert one["parent"] == other["parent"] != os.getpid(), "one worker for both"
    assert other["arguments"] == ["train", "7", "x y"]
    assert other["argv"] == ["tuneproof", "train", "7", "x y"]
    assert other["folder"] == str(place / "inner")
    assert other["variable"] == "another"
    assert other["stdin"] == "typed"
    assert other["group"] == other["pid"]
    assert "default_int_handler" in other["sigint"]
    assert "SIG_DFL" in other["sigterm"]
    assert set(other["descriptors"]) - {0, 1, 2} <= set(one["descriptors"]), "no descriptor of another job leaks"


def test_umask_is_the_client_s(place, owner):
    for number, umask in enumerate((0o027, 0o077)):
        folder = place / str(number)
        folder.mkdir()
        assert client(folder, "train", "0", umask=umask).wait() == 0
        assert (folder / "found.json").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("code", [0, 1, 2, 3, 200])
def test_exit_codes(place, owner, code):
    assert client(place, "train", str(code)).wait() == code


def test_a_bug_s_traceback_reaches_the_log(place, owner):
    process = client(place, "train", "raise")
    _, err = process.communicate()
    assert process.returncode == 1
    assert "RuntimeError: a bug" in err


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["train", "0"], {"TUNEPROOF_WORKER": "0"}),
        (["train", "0"], {worker.OWNER: ""}),
        (["prepare", "0"], {}),
        (["train", "--help"], {}),
        ([], {}),
    ],
)
def test_when_no_worker_is_wanted(owner, monkeypatch, arguments, variables):
    assert worker.wanted(["train", "0"])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not worker.wanted(arguments)


# who ends with whom


def test_a_killed_client_takes_its_job_along_and_no_other(place, owner):
    (place / "b").mkdir()
    first, second = client(place, "train", "sleep"), client(place / "b", "train", "sleep")
    one, other = found(place), found(place / "b")
    first.kill()
    end = time.monotonic() + 2
    while psutil.pid_exists(one["pid"]) and time.monotonic() < end:
        time.sleep(0.01)
    assert not psutil.pid_exists(one["pid"])
    assert psutil.pid_exists(other["pid"])
    assert second.poll() is None
    assert client(place, "train", "5").wait() == 5, "the worker goes on"
    second.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_client_stops_its_job_and_says_nothing(place, owner, number, code):
    process = client(place, "train", "sleep")
    job = found(place)
    process.send_signal(number)
    _, err = process.communicate(timeout=5)
    assert process.returncode == code
    assert "Traceback" not in err
    psutil.wait_procs([psutil.Process(job["pid"])] if psutil.pid_exists(job["pid"]) else [], timeout=2)
    assert not psutil.pid_exists(job["pid"])


def test_a_killed_worker_takes_its_jobs_along_and_the_client_says_so(place, owner):
    process = client(place, "train", "sleep")
    job = found(place)
    server_of(job).kill()
    _, err = process.communicate(timeout=5)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("error: the warm worker was killed")
    assert "run again" in err
    assert gone_after() == 0


def test_after_a_killed_worker_the_next_client_starts_another(place, owner):
    assert client(place, "train", "0").wait() == 0
    first = found(place)["parent"]
    psutil.Process(first).kill()
    (place / "found.json").unlink()
    assert client(place, "train", "4").wait() == 4
    assert found(place)["parent"] != first


def test_a_killed_job_is_said_to_have_been(place, owner):
    process = client(place, "train", "die")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 137
    assert err.splitlines()[-1].startswith("error: the job was killed, perhaps because memory ran out")


def test_a_job_that_stands_still_is_ended_and_says_where_it_stood(place, owner):
    process = client(place, "train", "stall")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 142
    assert "alive so far" in err
    assert "in run_here" in err
    assert "stood still" in err.splitlines()[-1]


def test_when_snakemake_is_killed_nothing_is_left(place, owner):
    process = client(place, "train", "sleep")
    found(place)
    assert len(processes()) == 3
    owner.kill()  # and not reaped: a zombie counts as gone
    assert process.wait(timeout=3) == 1
    assert gone_after() == 0
    assert not list(place.parent.glob("tuneproof-*/*"))


def test_when_all_of_snakemake_s_group_is_killed_nothing_is_left(place):
    command = [sys.executable, "-c", SNAKEMAKE, MAIN, "train", "sleep"]
    process = subprocess.Popen(command, cwd=place, start_new_session=True)
    found(place)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert gone_after() == 0


def test_when_worker_and_snakemake_are_killed_at_once_nothing_is_left(place, owner):
    process = client(place, "train", "sleep")
    server = server_of(found(place))
    server.suspend()  # it cannot clean up
    owner.kill()
    process.kill()
    server.kill()
    process.wait()
    assert gone_after() == 0


# starting


def test_clients_that_race_share_one_worker(place, owner):
    folders = [place / str(i) for i in range(6)]
    for folder in folders:
        folder.mkdir()
    running = [client(folder, "train", str(i)) for i, folder in enumerate(folders)]
    assert [process.wait(timeout=60) for process in running] == list(range(6))
    assert len({found(folder)["parent"] for folder in folders}) == 1


def test_a_stale_socket_is_replaced(place, owner):
    path = worker.socket_path(str(owner.pid))
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    assert path.exists()
    assert client(place, "train", "6").wait() == 6
    assert found(place)["parent"] != os.getpid()


def test_a_long_temporary_folder_is_no_obstacle(place, owner, monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    try:
        assert client(place, "train", "6").wait() == 6
        assert server_of(found(place)).is_running()
    finally:
        owner.kill()
        owner.wait()
        assert gone_after() == 0


def test_an_open_folder_is_not_trusted(place, owner):
    folder = place.parent / f"tuneproof-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    process = client(place, "train", "3")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert f"{folder} belongs to another user or is open to others; remove it" in err
    assert "in a process of its own" in err
    assert found(place)["parent"] == os.getpid()


def test_a_worker_that_cannot_start_is_done_without(place, owner):
    (place.parent / "light/tuneproof/worker_server.py").write_text("raise SystemExit(1)")
    assert client(place, "train", "3").wait(timeout=20) == 3
    assert found(place)["pid"] != found(place)["parent"]
    assert found(place)["parent"] == os.getpid()


def test_a_worker_that_takes_no_job_is_given_up(place, owner):
    source = place.parent / "light/tuneproof/worker.py"
    source.write_text(source.read_text().replace("START_SECONDS = 60.0", "START_SECONDS = 1.0"))
    assert client(place, "train", "0").wait() == 0
    server_of(found(place)).suspend()
    process = client(place, "train", "0")
    assert process.wait(timeout=20) == 1
    assert "took no job for 1 s; TUNEPROOF_WORKER=0 does without it" in process.stderr.readline()


def test_limits_of_the_client_that_starts_the_worker_hold_for_jobs(place, owner):
    """`ulimit` in front of snakemake reaches the jobs."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    assert client(place, "train", "0", preexec_fn=limit).wait() == 0
    assert server_of(found(place)).rlimit(psutil.RLIMIT_CORE) == (0, 0)
