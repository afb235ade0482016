"""`tuneproof plan`: reads an experiment, measures this machine for some seconds, and says what the experiment costs.

Writes the speeds that it measured (stored.py) and downloads that the experiment needs anyway; data that is not prepared
yet is prepared in a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, settings, tunings
from tuneproof.cell import Cell
from tuneproof.params import Params
from tuneproof.preflight import budget as budgets
from tuneproof.preflight.estimate import Estimate, Key, Sizes, Speed, estimate, jobs

if TYPE_CHECKING:
    from tuneproof.preflight.stored import Store
    from tuneproof.train.loop import Data


class Preflight(NamedTuple):
    """All that `tuneproof plan` says."""

    left: Estimate
    """Of what is still to be done."""
    jobs: int
    """Searches and runs of the whole experiment."""
    guessed: list[Key]
    """Cells whose speed was not measured but taken over from another one."""
    cuts: list[budgets.Cut]
    left_out: list[dict[str, str]]
    cores: int

    def as_json(self) -> dict[str, Any]:
        return {
            "jobs": self.jobs,
            "jobs_left": self.left.jobs,
            "fits_left": self.left.fits,
            "cores": self.cores,
            "seconds": round(self.left.seconds, 1),
            "seconds_without_pruning": round(self.left.most, 1),
            "memory_mb": round(self.left.memory_mb),
            "disk_bytes": self.left.disk_bytes,
            "core_seconds_by_method": {name: round(value, 1) for name, value in self.left.by_method.items()},
            "guessed": ["/".join(key) for key in self.guessed],
            "cuts": [cut._asdict() for cut in self.cuts],
            "left_out": self.left_out,
        }


def run(
    params: Params,
    *,
    configfile: Path | None,
    cores: int,
    seconds: float,
    budget: float | None,
    cache: Path,
    store: Store | None = None,
) -> Preflight:
    """Measure and estimate. `configfile` is the params file where it is not params.yaml; `budget` is in seconds.

    What was measured is kept in `store`, where there is one. Raises `TuneproofError` where data or model cannot be had.
    """
    from tuneproof.preflight import calibrate

    planned = settings.plan(params)
    stored = up_to_date(configfile)
    with tempfile.TemporaryDirectory(prefix="tuneproof-plan-") as scratch:
        data = {pair: _data(params, stored, *pair, Path(scratch), cache) for pair in planned.pairs()}
        folders = {name: _model(params, name, cache) for name in dict.fromkeys(model for _, model in data)}
        sizes = {pair: sizes_of(found, test) for pair, (found, test) in data.items()}
        speeds = calibrate.measure(
            planned.cells, {pair: found for pair, (found, _) in data.items()}, folders, seconds=seconds, cores=cores
        )
    if store is not None:
        store.add(params, planned.cells, sizes, speeds)
    done = finished(stored)

    def left(some: Params) -> Estimate:
        return estimated(some, settings.plan(some).cells, sizes, speeds, done, cores)

    return Preflight(
        left=left(params),
        jobs=len(planned.cells) * (1 + len(params.seeds)),
        guessed=[key for key, speed in speeds.items() if not speed.measured],
        cuts=[] if budget is None else budgets.suggest(params, lambda some: left(some).seconds, budget),
        left_out=planned.left_out,
        cores=cores,
    )


def estimated(
    params: Params,
    cells: Sequence[Cell],
    sizes: Mapping[tuple[str, str], Sizes],
    speeds: Mapping[Key, Speed],
    done: frozenset[tuple[str, ...]],
    cores: int,
) -> Estimate:
    """What the jobs of these cells that are not done will take."""
    challenge = params.evaluation.challenge
    copies = {name: declared.technique.get("copies", 1) for name, declared in params.augmentations.items()}
    frozen = frozenset(name for name in {cell.tuning["name"] for cell in cells} if tunings.get(name).frozen_body)
    some = jobs(cells, params.seeds, sizes, speeds, copies=copies, frozen=frozen, done=done, challenge=challenge)
    trials = {(cell.dataset, cell.model, cell.method): cell.search.trials for cell in cells}
    return estimate(some, speeds, trials, cores=cores)


def sizes_of(data: Data, test: tuple[int, int]) -> Sizes:
    """`test`: sub-tokens and rows of the test split."""
    return Sizes(len(data.train), sum(data.train.lengths), sum(data.validation.lengths), *test)


def up_to_date(configfile: Path | None) -> frozenset[str]:
    """Paths of the results that Snakemake would not make again."""
    command = [sys.executable, "-m", "snakemake", "--summary"]
    command += [] if configfile is None else ["--configfile", str(configfile)]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    lines = [line.split("\t") for line in told.stdout.splitlines()[1:]]
    return frozenset(fields[0] for fields in lines if fields[-1] == "no update")


def finished(stored: frozenset[str]) -> frozenset[tuple[str, ...]]:
    """(stage, dataset, model, method[, seed]) of the searches, runs and challenges among some results."""
    found = set()
    for path in stored:
        parts = Path(path).parts
        if parts[-1] == "best.json":
            found.add(("search", *parts[-4:-1]))
        elif parts[-1] == "challenge.json":
            found.add(("challenge", *parts[-4:-1]))
        elif parts[-1] == "run.json":
            found.add(("train", *parts[-5:-2], parts[-2].removeprefix("seed-")))
    return frozenset(found)


def _data(
    params: Params, stored: frozenset[str], dataset: str, model: str, scratch: Path, cache: Path
) -> tuple[Data, tuple[int, int]]:
    """Tokens of a data set, and sub-tokens and rows of its test split: the stored ones, or made for this once."""
    from tuneproof import fetch, tokenize
    from tuneproof.prepare import run as prepare
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import Data

    declared = params.datasets[dataset]
    root = Path(params.results)
    prepared, tokens = root / "prepare" / dataset, root / "tokenize" / dataset / "none" / model
    if f"{prepared}/card.json" not in stored:
        prepared = scratch / "prepare" / dataset
        if not (prepared / "card.json").exists():
            prepare.run(declared, dataset, fetch.fetch_data(declared.source, cache), prepared)
    if f"{tokens}/train.parquet" not in stored:
        tokens = scratch / "tokenize" / dataset / model
        tokenize.run(
            task_name=declared.task,
            max_length=declared.max_length,
            model=_model(params, model, cache),
            card=prepared / "card.json",
            splits={split: prepared / f"{split}.parquet" for split in ("train", "validation", "test")},
            out=tokens,
        )
    read = {split: Tokens.read(tokens / f"{split}.parquet") for split in ("train", "validation", "test")}
    gold = files.read_frame(prepared / "validation.parquet")
    labels = files.read_json(prepared / "card.json")["labels"]
    return Data(read["train"], read["validation"], gold, labels), (sum(read["test"].lengths), len(read["test"]))


def _model(params: Params, name: str, cache: Path) -> Path:
    from tuneproof import fetch

    return Path(fetch.fetch_model(params.models[name], cache)["folder"])
