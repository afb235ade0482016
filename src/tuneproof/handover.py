"""What happens after a full run: leftovers go, and DVC is told what the results are now."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

from tuneproof import files
from tuneproof.params import Params
from tuneproof.settings import Plan

log = logging.getLogger(__name__)

DEPTH = {
    "fetch": 2,
    "prepare": 1,
    "augment": 2,
    "tokenize": 3,
    "search": 3,
    "train": 4,
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
    command = [sys.executable, "-m", "dvc", "commit", "--force", "--quiet", "--no-relink"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        log.warning(f"DVC was not told about this run: {' '.join(done.stderr.split())}")
