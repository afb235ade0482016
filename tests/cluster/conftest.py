"""A Slurm cluster of one node on this machine: its own daemons, keys and ports in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

CONF = Path("/etc/slurm/slurm.conf")
"""Where a job's own `srun` looks for the configuration; a link while the test runs."""
DAEMONS = ("slurmctld", "slurmd", "munged")


def why_not() -> str | None:
    """Why no cluster can be started here, or None."""
    missing = [name for name in (*DAEMONS, "sbatch", "srun", "squeue") if _binary(name) is None]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)} not found): make setup"
    if os.getuid() != 0:
        return "needs root: Slurm's daemons start processes for users"
    if CONF.exists():
        return f"{CONF} exists: this machine belongs to a cluster"
    return None


def _binary(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slurm:
    """The daemons, started and stopped by process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("state", "spool", "log", "run"):
            (folder / name).mkdir(parents=True)
        for path in (folder, folder / "run"):
            path.chmod(0o755)  # munge insists
        self.key = folder / "run/munge.key"
        self.key.write_bytes(os.urandom(128))
        self.key.chmod(0o600)
        self.conf = folder / "slurm.conf"
        self.conf.write_text(self._settings())

    def _settings(self) -> str:
        run, log = self.folder / "run", self.folder / "log"
        memory = psutil.virtual_memory().total // 2**20 * 9 // 10
        return f"""
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={_free_port()}
SlurmdPort={_free_port()}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.pid
SlurmctldLogFile={log}/slurmctld.log
SlurmdLogFile={log}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=5
NodeName=localhost NodeHostname={socket.gethostname().split(".")[0]} NodeAddr=127.0.0.1 CPUs=2 RealMemory={memory}
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""

    def start(self) -> None:
        run = self.folder / "run"
        CONF.parent.mkdir(exist_ok=True)
        CONF.symlink_to(self.conf)
        self._daemon(
            "munged",
            "--force",
            f"--key-file={self.key}",
            f"--socket={run}/munge.socket",
            f"--pid-file={run}/munged.pid",
            f"--log-file={self.folder}/log/munged.log",
            f"--seed-file={run}/munge.seed",
            "--num-threads=2",
        )
        self._daemon("slurmctld", "-i")
        self.start_node()

    def start_node(self) -> None:
        self._daemon("slurmd", "-N", "localhost")
        end = time.monotonic() + 30
        while self.ask("sinfo", "-h", "-o", "%t") not in ("idle", "mix", "alloc"):
            assert time.monotonic() < end, (self.folder / "log/slurmctld.log").read_text()
            time.sleep(0.1)

    def kill_node(self) -> None:
        """The node's daemon dies; its running jobs do not."""
        os.kill(self.pid("slurmd"), signal.SIGKILL)
        while psutil.pid_exists(self.pid("slurmd")):
            time.sleep(0.05)

    def ask(self, *words: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def running(self, rule: str) -> list[str]:
        """Ids of running jobs whose comment names a rule or group."""
        lines = self.ask("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines()
        return [line.split()[0] for line in lines if rule in line]

    def pid(self, daemon: str) -> int:
        return int((self.folder / f"run/{daemon}.pid").read_text())

    def stop(self) -> None:
        self.ask("scancel", "--user=root", "--signal=KILL")
        for daemon in ("slurmd", "slurmctld", "munged"):
            with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
                process = psutil.Process(self.pid(daemon))
                if process.name() == daemon:
                    process.terminate()
                    try:
                        process.wait(20)
                    except psutil.TimeoutExpired:
                        process.kill()
        if CONF.is_symlink() and CONF.readlink() == self.conf:
            CONF.unlink()

    def _daemon(self, name: str, *options: str) -> None:
        subprocess.run([_binary(name) or name, *options], check=True, cwd=self.folder)


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if CONF.is_symlink() and not CONF.exists():
        CONF.unlink()  # of a test that was killed, whose folder is gone
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
