"""What happens after a full run: leftovers go, and DVC is told what the results are now."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tuneproof import files, worker
from tuneproof.params import Params
from tuneproof.settings import Plan

log = logging.getLogger(__name__)

LOCKED = Path("dvc.lock")
ASIDE = Path(".tuneproof/dvc.lock")
"""Where a `dvc.lock` lies that DVC could not work with, until it has written another one."""
TOLD = Path(".tuneproof/told")
"""Hashes of what DVC went by when it was told last; absent from the start of a run to the end of its hand-over."""
DEPTH = {
    "fetch": 2,
    "prepare": 1,
    "augment": 2,
    "tokenize": 3,
    "search": 3,
    "train": 4,
    "teach": 3,
    "challenge": 3,
    "ensemble": 3,
    "evaluate": 2,
}
"""How many folders below `results/<stage>/` one job's outcome lies."""


def expected(params: Params, plan: Plan, stage: str) -> set[str]:
    """Places (relative to `results/<stage>/`) that the experiment writes to."""
    pairs = plan.pairs()
    places = {
        "fetch": [
            *(f"data/{cell.dataset}.json" for cell in plan.cells),
            *(f"models/{cell.model}.json" for cell in plan.cells),
        ],
        "prepare": [cell.dataset for cell in plan.cells],
        "augment": ["/".join(pair) for pair in plan.augmentations()],
        "tokenize": [
            *(f"{dataset}/none/{model}" for dataset, model in pairs),
            *(f"{cell.dataset}/{cell.augmentation}/{cell.model}" for cell in plan.cells),
        ],
        "search": [f"{cell.dataset}/{cell.model}/{cell.method}" for cell in plan.cells],
        "train": [
            f"{cell.dataset}/{cell.model}/{cell.method}/seed-{seed}" for cell in plan.cells for seed in params.seeds
        ],
        "teach": ["/".join(entry) for entry in plan.teachers()],
        "challenge": [
            f"{cell.dataset}/{cell.model}/{cell.method}"
            for cell in plan.cells
            if params.evaluation.challenge is not None
        ],
        "ensemble": ["/".join(entry) for entry in plan.ensembles],
        "evaluate": ["/".join(pair) for pair in pairs],
    }
    return set(places[stage])


def prune(params: Params, plan: Plan, stages: list[str] | None = None) -> list[Path]:
    """Remove what earlier experiments left in tracked folders, so that DVC does not count it as this one's.

    Returns what was removed. What an earlier full run handed over is still in DVC's cache.
    """
    removed = []
    for stage in stages or DEPTH:
        root = Path(params.results) / stage
        root.mkdir(parents=True, exist_ok=True)  # DVC wants a stage's folder even where the experiment has no job in it
        wanted = expected(params, plan, stage)
        for path in sorted(root.glob("/".join("*" * DEPTH[stage]))):
            if path.relative_to(root).as_posix() not in wanted:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path)
        for path in root.rglob(f".*{files.PART}"):  # a kill left it in the middle of a write
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()
    for path in removed:
        log.info(f"removed {path}: not part of the experiment any more")
    return removed


def commit() -> None:
    """Let DVC record the results as they are, as after `dvc repro`. Does nothing outside a DVC project."""
    if not Path(".dvc").is_dir():
        log.warning("no .dvc folder here: DVC was not told about this run")
        return
    reason = _dvc_commit()
    if reason and _mend():
        reason = _dvc_commit()
        if reason and ASIDE.exists() and not LOCKED.exists():
            ASIDE.replace(LOCKED)
    if reason:
        log.warning(f"DVC was not told about this run ({reason}); run again to tell it")
        return
    ASIDE.unlink(missing_ok=True)
    files.write_text(TOLD, _state())


def forget() -> None:
    """From now on, until the next `commit`, results may be others than those that DVC was told of."""
    TOLD.unlink(missing_ok=True)


def is_told() -> bool:
    """Whether the last full run ended with its hand-over, and DVC's files and params are what they were then."""
    return not Path(".dvc").is_dir() or (TOLD.exists() and TOLD.read_text(encoding="utf-8") == _state())


def _state() -> str:
    """Hashes of what DVC goes by."""
    paths = [Path(name) for name in ("params.yaml", "dvc.yaml", "dvc.lock")]
    return "".join(f"{files.sha256(path) if path.exists() else 'none'}  {path}\n" for path in paths)


def _dvc_commit() -> str:
    """Run `dvc commit` in a process that ends with this one; returns why it failed, or nothing."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "tuneproof.handover", "commit", "--force", "--no-relink"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    if not done.returncode:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[:1]
    return "; ".join(told) or f"dvc commit ended with {done.returncode}"


def _mend() -> bool:
    """Take away what a kill may have cut off, since DVC writes these files in place; returns whether there was any.

    `dvc.lock`, which can hold the marks of a merge as well, is written anew from the results.
    """
    found = LOCKED.exists()
    if found:
        ASIDE.parent.mkdir(exist_ok=True)
        LOCKED.replace(ASIDE)
    readers = Path(".dvc", "tmp", "rwlock")  # who reads and writes what, as JSON
    try:
        json.loads(readers.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return found
    except ValueError:
        readers.unlink()
        return True
    return found


if __name__ == "__main__":
    from dvc.cli import main

    worker.end_with_owner()
    raise SystemExit(main(sys.argv[1:]))
