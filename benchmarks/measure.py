"""Side-by-side timing: every engine in a process of its own, one thread on one core, turn by turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Engines:
    """Processes that answer requests, one at work at a time, all on the same core."""

    def __init__(self, names: list[str], scratch: Path, *, core: int) -> None:
        self.logs = {name: scratch / f"{name}.log" for name in names}
        self.processes = {
            name: subprocess.Popen(
                [sys.executable, "-m", "benchmarks.engines", name, "--core", str(core), "--scratch", str(scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log.open("w"),
                text=True,
            )
            for name, log in self.logs.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """One answer. Raises RuntimeError with the process's last words where it ended."""
        process = self.processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{name} ended at {request}\n{self.logs[name].read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def compare(
        self, names: list[str], request: dict[str, Any], *, repetitions: int
    ) -> dict[str, list[dict[str, Any]]]:
        """Answers of each engine, asked in turn (a b c, a b c, …) after one round that warms them up."""
        for name in names:
            self.ask(name, {**request, "seed": 0})
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for repetition in range(repetitions):
            for name in names:
                found[name].append(self.ask(name, {**request, "seed": repetition}))
        return found


def median(answers: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(answer[key] for answer in answers))


def rate(answers: list[dict[str, Any]], what: str = "examples") -> float:
    """Examples (or tokens) a second: the median over repetitions."""
    return float(statistics.median(answer[what] / answer["seconds"] for answer in answers))
