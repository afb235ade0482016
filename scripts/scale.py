"""How long planning takes: a dry run of an experiment with many runs, in a temporary folder; nothing is trained.

`python scripts/scale.py 10000` prints seconds and memory. Two data sets, ten seeds, and as many methods as it takes:
LoRA with other ranks and learning rates.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DATASETS, SEEDS = 2, 10


def experiment(runs: int) -> dict[str, object]:
    content = yaml.safe_load((ROOT / "experiments/tiny.yaml").read_text(encoding="utf-8"))
    methods = [
        {"tuning": {"name": "lora", "rank": 1 + number % 64}, "learning_rate": [1e-5, 1e-3 + 1e-6 * number]}
        for number in range(-(-runs // (DATASETS * SEEDS)))
    ]
    return {
        **content,
        "results": "results",
        "methods": {f"lora-{number}": method for number, method in enumerate(methods)},
        "augmentations": {},
        "seeds": list(range(SEEDS)),
    }


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        params = Path(folder) / "params.yaml"
        params.write_text(yaml.safe_dump(experiment(runs)), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
        command += ["--configfile", str(params), "--dry-run", "--quiet", "rules", *sys.argv[2:]]
        start = time.perf_counter()
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("\n".join(done.stdout.splitlines()[-20:]))
    memory = used.ru_maxrss / 2**20  # Linux counts KiB
    print(f"{runs} runs: {seconds:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of one processor), {memory:.2f} GiB")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
