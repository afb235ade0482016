"""Write requirements.lock and requirements-cuda.lock from pyproject.toml: names, versions, hashes, nothing else.

One resolution holds for every Python and system (markers say where a package is needed). Pins that are in the lock
stay unless `--upgrade` is given. Needs no environment: the resolver is installed into a temporary one.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOCK, CUDA_LOCK = ROOT / "requirements.lock", ROOT / "requirements-cuda.lock"
# What torch's CUDA build needs on Linux and its CPU build does not (nvidia-ml-py is pure Python, for DVCLive).
CUDA = re.compile(r"(nvidia-(?!ml-py==)|cuda-|triton==)")
HEADER = "# Written by `make lock`; do not edit.\n"


def resolve(bin_: Path, upgrade: bool) -> list[str]:
    """Pinned requirements of the package and all its extras, each with the hashes of all its files."""
    pins = bin_ / "pins.txt"  # the resolver prefers what its output file already holds
    pins.write_text("".join(lock.read_text() for lock in (LOCK, CUDA_LOCK) if lock.exists()))
    options = ["--all-extras", "--universal", "--python-version=3.11", "--fork-strategy=fewest", "--generate-hashes"]
    options += ["--no-header", "--no-annotate", f"--output-file={pins}", *(["--upgrade"] if upgrade else [])]
    command = [str(bin_ / "uv"), "pip", "compile", "pyproject.toml", *options]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return re.split(r"\n(?=\S)", pins.read_text().strip())


def local_builds(bin_: Path, torch: str) -> set[str]:
    """Hashes of torch builds that lie on a disk (pip may prefer them): this machine's, and those locked before."""
    command = [str(bin_ / "pip"), "install", "--quiet", "--dry-run", "--no-deps", "--report=-", torch]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    url = urlsplit(report["install"][0]["download_info"]["url"])
    found = {hashlib.sha256(Path(unquote(url.path)).read_bytes()).hexdigest()} if url.scheme == "file" else set()
    before = LOCK.read_text() if LOCK.exists() else ""
    same_version = re.search(rf"^{re.escape(torch)} .*\n(?:    --hash.*\n)+", before, re.MULTILINE)
    return found | set(re.findall(r"sha256:(\w+)", same_version[0]) if same_version else ())


def with_hashes(requirement: str, more: set[str]) -> str:
    hashes = sorted({*re.findall(r"sha256:(\w+)", requirement), *more})
    return " \\\n".join([requirement.partition(" \\\n")[0], *(f"    --hash=sha256:{digest}" for digest in hashes)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        bin_ = Path(folder) / "bin"
        subprocess.run([bin_ / "pip", "install", "--quiet", "uv"], check=True)
        requirements = resolve(bin_, "--upgrade" in sys.argv[1:])
        torch = next(line.split()[0] for line in requirements if line.startswith("torch=="))
        local = local_builds(bin_, torch)
    requirements = [with_hashes(line, local if line.startswith("torch==") else set()) for line in requirements]
    for path, cuda in ((LOCK, False), (CUDA_LOCK, True)):
        lines = [line for line in requirements if bool(CUDA.match(line)) is cuda]
        path.write_text(HEADER + "\n".join(lines) + "\n")
        print(f"{path.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
