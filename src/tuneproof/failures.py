"""What went wrong, said last: after a failed run, the one line of each failed job in a place where it is seen.

Snakemake shows a job's log where the job failed, followed by what the others go on to do. Reads logs, writes nothing.
"""

from __future__ import annotations

from pathlib import Path

MARK = "error: "
"""How a mistake's line starts, see `cli.run_here`."""


def summary(logs: Path, since: float) -> list[str]:
    """`stage/…: mistake` of every job below `logs` whose log was written after `since` (seconds) and ends in one.

    A job that ended without such a line (a kill, a fault of the program) is named with its log.
    """
    found = []
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        job = path.relative_to(logs).with_suffix("").as_posix()
        mistakes = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
        if mistakes:
            found.append(f"{job}: {mistakes[-1]}")
        elif any(line.startswith("Traceback ") for line in lines):
            found.append(f"{job}: stopped by a fault of the program ({lines[-1]}); see {path}")
    return found
