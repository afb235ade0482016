"""One GPU a job, where a machine has several: Snakemake counts GPUs, but hands out no numbers.

A job takes the first GPU that no other job of this machine holds, and sees that one alone (`CUDA_VISIBLE_DEVICES`).
The operating system gives it back when the job ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tuneproof.errors import TuneproofError

VISIBLE = "CUDA_VISIBLE_DEVICES"
FOLDER = Path(tempfile.gettempdir()) / f"tuneproof-gpus-{os.getuid()}"

_held: list[int] = []


def take(wanted: str, folder: Path = FOLDER) -> str | None:
    """Take a GPU until this process ends, and hide the others; returns its number or name.

    None where the fit does not ask for CUDA (`wanted` is `cpu` or `mps`), and where there is none, or one alone.
    Raises `TuneproofError` where all are held: more jobs at once than `--resources gpu=N` should allow.
    Must be called before torch first touches CUDA.
    """
    if wanted not in ("auto", "cuda"):
        return None
    there = present()
    if len(there) < 2:
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in there:
        descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            continue
        _held.append(descriptor)
        os.environ[VISIBLE] = name
        return name
    raise TuneproofError(
        f"all {len(there)} GPUs ({', '.join(there)}) are held by other jobs; allowed: as many jobs at once as GPUs, "
        f"--resources gpu={len(there)}"
    )


def present() -> list[str]:
    """GPUs that this process may use: those that the environment (Slurm, say) names, else all that the driver lists."""
    if (named := os.environ.get(VISIBLE)) is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    return told.stdout.split() if told.returncode == 0 else []
