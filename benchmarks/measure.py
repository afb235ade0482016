"""Side-by-side timing: every engine in a process of its own, one thread on one core, turn by turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Engines:
    """Processes that answer requests, one at work at a time, all on the same core."""

    def __init__(self, names: list[str], scratch: Path, *, core: int) -> None:
        self.scratch, self.core = scratch, core
        self.logs = {name: scratch / f"{name}.log" for name in names}
        self.processes = {name: self._start(name) for name in names}

    def _start(self, name: str) -> subprocess.Popen[str]:
        options = ["--core", str(self.core), "--scratch", str(self.scratch)]
        with self.logs[name].open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "benchmarks.engines", name, *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """One answer. Where the process ended, another takes its place and RuntimeError has its last words."""
        process = self.processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            process.kill()
            process.wait()
            self.processes[name] = self._start(name)
            raise RuntimeError(f"{name} ended at {request}: {self.logs[name].read_text()[-500:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def compare(
        self, names: list[str], request: dict[str, Any], *, repetitions: int, warm: dict[str, Any] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Answers of each engine, asked in turn (a b c, a b c, …) after one round of `warm` that warms them up."""
        for name in names:
            self.ask(name, {**(request if warm is None else warm), "seed": 0})
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for repetition in range(repetitions):
            for name in names:
                found[name].append(self.ask(name, {**request, "seed": repetition}))
        return found


def seconds(command: list[str], *, limit: float, environment: dict[str, str] | None = None) -> tuple[float, str]:
    """Wall time of a command and what it printed. Raises RuntimeError where it fails or takes more than `limit`."""
    start = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(command)}: not done after {limit:.0f} s") from None
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {(done.stderr or done.stdout)[-400:]}")
    return time.perf_counter() - start, done.stdout


def median(answers: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(answer[key] for answer in answers))


def rate(answers: list[dict[str, Any]], what: str = "examples") -> float:
    """Examples (or tokens) a second: the median over repetitions."""
    return float(statistics.median(answer[what] / answer["seconds"] for answer in answers))
