"""One study that several jobs work on at once, on one node or on several.

All that they share lies in one folder: the study's journal, a lock under which trials are handed out, and a sign of
life of each worker. Trials have numbers below the budget. A worker takes the lowest number that nobody has finished and
nobody is at work on, so that the budget is kept exactly and each start-up point is tried once, whoever dies. The number
of a trial whose process died is handed out again, with the same point, and its fit goes on from its state: such a trial
is failed and does not count. A process is taken for dead where its own job was started again, or where its sign of
life has stood still for `GRACE` seconds by the watch of who looks (clocks of two nodes are never compared).

With `TUNEPROOF_STORAGE` in the environment the study lies in a data base instead of the journal. The variable may hold
a password: neither params nor results nor messages show it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import threading
import time
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self
from urllib.parse import unquote

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from tuneproof import trial as trials
from tuneproof import watchdog
from tuneproof.cell import Cell
from tuneproof.errors import DataError, MethodError, TuneproofError

if TYPE_CHECKING:
    from tuneproof.train.loop import Data

log = logging.getLogger(__name__)

VARIABLE = "TUNEPROOF_STORAGE"
"""Environment variable with the URL of a data base, as SQLAlchemy writes it."""
COLLECTOR = "search"
"""Name of the worker that collects: it does what the others left undone."""
BEAT = 15.0
"""Seconds between two signs of life."""
GRACE = 120.0
"""Seconds without one after which a worker is taken for dead; file systems may show a change a minute late."""
POLL = 2.0
"""Seconds between two looks of a worker that waits for others."""
WAIT_FOR_DATABASE = 60


class Claim(NamedTuple):
    """A trial that this worker was handed."""

    number: int
    trial: optuna.Trial
    values: dict[str, float]


class SharedStudy:
    """A cell's study, seen by one worker. A context manager: its block shows a sign of life."""

    def __init__(self, cell: Cell, *, fingerprint: str, scratch: Path, worker: str, save_every: float = 60.0) -> None:
        self.cell, self.fingerprint, self.worker, self.save_every = cell, fingerprint, worker, save_every
        self.name = f"{cell.dataset}-{cell.model}-{cell.method}"
        self.folder = scratch / f"{self.name}-{fingerprint[:16]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.beats = Beats(self.folder)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with _told_without_secrets(), _locked(scratch / "storage"):  # tables are made by one process
            self.storage = open_storage(self.folder / "journal")
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=fingerprint,
                direction="maximize",
                load_if_exists=True,
                pruner=trials.make_pruner(cell.search.pruner),
            )

    def __enter__(self) -> Self:
        self.beats.start(self.worker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.beats.stop()

    def work(self, data: Data, model_folder: Path, *, wait: bool = False) -> None:
        """Take trials and run them until all are taken; with `wait`, until all are finished, be it by others."""
        with _told_without_secrets():
            while self.left_out() is None:
                claim = self.claim()
                if claim is not None:
                    self._run(claim, data, model_folder)
                elif wait and len(self.counted()) < self.cell.search.trials:
                    watchdog.alive()
                    time.sleep(POLL)
                else:
                    return

    def claim(self) -> Claim | None:
        """Take the lowest free number of the budget, or None where all are finished or being worked on."""
        with _locked(self.folder / "claims"):
            self._bury()
            found = self.study.get_trials(deepcopy=False)
            taken = {_number(t) for t in found if trials.counts(t) or t.state == TrialState.RUNNING}
            number = next((n for n in range(self.cell.search.trials) if n not in taken), None)
            if number is None:
                return None
            point = self._begun(found, number) or trials.point(self.cell, number)
            self.study.sampler = trials.make_sampler(self.cell, number, together=True) if point is None else At(point)
            trial = self.study.ask()
            values = trials.suggest(trial, self.cell)
            trial.set_user_attr("worker", self.worker)
            trial.set_user_attr("number", number)
            return Claim(number, trial, values)

    def collect(self) -> tuple[list[FrozenTrial], str | None]:
        """The finished trials, and why the method cannot run, where that is so."""
        with _told_without_secrets():
            return self.counted(), self.left_out()

    def counted(self) -> list[FrozenTrial]:
        """The finished trials, by number: one each."""
        found: dict[int | None, FrozenTrial] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if trials.counts(trial):
                found.setdefault(_number(trial), trial)
        return [found[number] for number in range(self.cell.search.trials) if number in found]

    def left_out(self) -> str | None:
        """Why the method cannot run, where a worker found that out."""
        reason: str | None = self.study.user_attrs.get("left_out")
        return reason

    def forget(self) -> None:
        """Remove the study and what lies in its folder: all is collected."""
        with _told_without_secrets():
            if os.environ.get(VARIABLE):
                optuna.delete_study(study_name=self.fingerprint, storage=self.storage)
        self.beats.stop()
        shutil.rmtree(self.folder, ignore_errors=True)  # NFS may still show a file that another node has open

    def _run(self, claim: Claim, data: Data, model_folder: Path) -> None:
        from tuneproof.train.resume import Resume, identity

        name, parts = f"{self.name}-trial-{claim.number}", claim.values.values()
        keep = Resume(self.folder, name, identity(self.cell, self.fingerprint, *parts), seconds=self.save_every)
        try:
            trials.run(
                *(self.study, claim.trial, claim.number, claim.values),
                cell=self.cell,
                data=data,
                model_folder=model_folder,
                keep=keep,
            )
        except UpdateFinishedTrialError:
            log.info(f"trial {claim.number + 1}: another worker took it over")
        except MethodError as error:
            self.study.set_user_attr("left_out", " ".join(str(error).split()))
            self._fail(claim.trial.number)
        except BaseException:
            with suppress(Exception):  # what ended the fit is what should be told
                self._fail(claim.trial.number)
            raise

    def _bury(self) -> None:
        """Fail the trials of processes that are gone. Under the lock, a trial without a worker is one of these."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            worker = trial.user_attrs.get("worker")
            if worker in (None, self.worker) or "number" not in trial.user_attrs or self.beats.is_dead(worker):
                self._fail(trial.number)

    def _fail(self, number: int) -> None:
        self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def _begun(self, found: list[FrozenTrial], number: int) -> dict[str, float] | None:
        """The point at which a trial of this number was begun and did not end, so that its fit can go on."""
        names = [dimension.name for dimension in trials.dimensions(self.cell)]
        begun = [t for t in found if _number(t) == number and t.state == TrialState.FAIL and {*names} <= {*t.params}]
        return {name: begun[-1].params[name] for name in names} if begun else None


def _number(trial: FrozenTrial) -> int | None:
    """Its number in the budget; None where its process died before it was given one."""
    number: int | None = trial.user_attrs.get("number")
    return number


class At(optuna.samplers.BaseSampler):
    """Samples one point that is known beforehand."""

    def __init__(self, point: dict[str, float]) -> None:
        self.point = point

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> float:
        return self.point[param_name]


class Beats:
    """Signs of life in a folder: a file a worker, whose content changes while the worker lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: dict[str, tuple[str | None, float]] = {}
        self.over = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, worker: str) -> None:
        path = self.folder / f"{worker}.alive"
        path.write_text(_sign())

        def show() -> None:
            while not self.over.wait(BEAT):
                with suppress(OSError):  # a full disk is no death; the fit itself will tell
                    path.write_text(_sign())

        self.thread = threading.Thread(target=show, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        if self.thread is not None:
            self.thread.join()

    def is_dead(self, worker: str) -> bool:
        """Whether a worker's sign has stood still since this process first saw it like this, `GRACE` seconds ago."""
        path, now = self.folder / f"{worker}.alive", time.monotonic()
        sign = None
        with suppress(OSError):  # not there, or not there yet for this node
            sign = path.read_text()
        known = self.seen.get(worker)
        if known is None or known[0] != sign:
            self.seen[worker] = (sign, now)
            return False
        return now - known[1] >= GRACE


def _sign() -> str:
    return f"{os.getpid()} {time.monotonic_ns()}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time, on all nodes: a file that is made with O_EXCL, which NFS honours since version 3.

    The lock of a killed process is broken after half a minute.
    """
    lock = JournalFileOpenLock(str(path))
    lock.acquire()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # it was held so long that another process broke it
            lock.release()


# where the study lies


def open_storage(journal: Path) -> BaseStorage:
    """The data base that the environment names, or else a journal."""
    url = os.environ.get(VARIABLE, "")
    if not url:
        return JournalStorage(Journal(journal))
    options: dict[str, Any] = {"pool_pre_ping": True}  # an idle connection may be cut during a long fit
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": WAIT_FOR_DATABASE}
    return optuna.storages.RDBStorage(url, engine_kwargs=options)


class Journal(JournalFileBackend):
    """Optuna's journal for several nodes: each line has a checksum, and half a line that a kill left is cut off."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, JournalFileOpenLock(str(path))
        super().__init__(str(path), self.lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(_line({**entry, "crc32": _crc(entry)}) + "\n" for entry in logs)
        with _locked(self.path), self.path.open("rb+") as file:
            _seek_end_of_lines(file)
            file.truncate()
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        try:
            for entry in super().read_logs(log_number_from):
                if entry.pop("crc32", None) != _crc(entry):
                    raise ValueError("checksum")
                yield entry
        except (ValueError, AttributeError, TypeError):  # no JSON, or no object
            raise DataError(f"{self.path}: damaged; delete its folder, and the search begins anew") from None


def _seek_end_of_lines(file: BinaryIO) -> None:
    """Go behind the last whole line."""
    end = file.seek(0, os.SEEK_END)
    if end and (file.seek(end - 1), file.read(1))[1] != b"\n":
        file.seek(0)
        file.seek(file.read().rfind(b"\n") + 1)


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"))


def _crc(entry: dict[str, Any]) -> int:
    return zlib.crc32(_line(entry).encode())


# what must not be shown


@contextmanager
def _told_without_secrets() -> Iterator[None]:
    """What a data base or its driver has to say, in one line, without the URL and its password."""
    try:
        yield
    except TuneproofError:
        raise
    except Exception as error:
        if not _of_database(error):
            raise
        causes = [error, *([error.__cause__] if error.__cause__ else [])]
        text = "; ".join(" ".join(str(cause).split()) for cause in causes)
        raise TuneproofError(f"{VARIABLE}: {hidden(text)[:500]}") from None


def _of_database(error: Exception) -> bool:
    import sqlalchemy.exc

    url = os.environ.get(VARIABLE, "")
    return bool(url) and (
        isinstance(error, StorageInternalError | sqlalchemy.exc.SQLAlchemyError | ImportError)
        or hidden(str(error)) != str(error)
    )


def hidden(text: str) -> str:
    """The text without the URL that the environment holds, without its password, and without any other password."""
    url = os.environ.get(VARIABLE, "")
    found = re.match(r"[^/]*//[^:/@]*:(.*)@", url)
    secrets = {url, *((found[1], unquote(found[1])) if found else ())}
    secrets |= {value for pair in re.findall(r"[?&]\w*passw\w*=([^&]*)", url) for value in (pair, unquote(pair))}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return re.sub(r"(//[^:/@\s]*:)[^@\s]+@", r"\1…@", text)
