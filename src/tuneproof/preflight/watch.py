"""What a run says of its time: an estimate in its first lines, and the outcome in its last one.

The Snakefile's hooks call it. It measures nothing: an estimate comes from what `tuneproof plan` or earlier runs have
stored (stored.py), in milliseconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tuneproof.cell import Cell
from tuneproof.params import Params
from tuneproof.preflight import calibrate, learned, outcome, run, show
from tuneproof.preflight.estimate import Speed
from tuneproof.preflight.stored import Store


class Watch:
    """One run of Snakemake: `begin` before its first job, `end` where it has ended well; both print to stderr."""

    def __init__(self, params: Params, cells: Sequence[Cell], *, started: float) -> None:
        self.params, self.cells = params, cells
        self.results = Path(params.results)
        self.started = started
        self.jobs: set[tuple[str, ...]] = set()
        self.found: outcome.Outcome | None = None

    def begin(self, workflow: Any) -> None:
        """Say what is to be done and how long it will take; nothing where no search and no run is to be done.

        Nor on a cluster, whose nodes this machine knows nothing of, or where files are only touched.
        """
        if workflow.nodes is None and not workflow.touch:
            todo = (job_of(job) for job in workflow.dag.needrun_jobs())
            _say(self.expected({job for job in todo if job is not None}, cores=workflow.cores))

    def end(self) -> None:
        """Note what the run took, say it, and learn from it for the next one."""
        if self.found is None:
            return
        now = time.time()
        fits = learned.fit_seconds(self.results, self.jobs)
        self.found = self.found._replace(seconds=round(now - self.started, 1), fit_seconds=round(fits, 1))
        outcome.write(self.results, self.found)
        sizes = learned.sizes(self.results, sorted({(dataset, model) for _, dataset, model, *_ in self.jobs}))
        speeds = learned.speeds(self.results, self.params, self.cells, sizes, self.jobs)
        Store().add(self.params, self.cells, sizes, speeds)
        _say([self.found.line()])

    def expected(self, jobs: set[tuple[str, ...]], *, cores: int) -> list[str]:
        """The first lines of a run with these jobs, as in learned.py; the estimate is kept for the end."""
        whole = jobs_of(self.params, self.cells)
        self.jobs = whole & jobs
        counted = sum(stage != "challenge" for stage, *_ in self.jobs)
        if not counted:
            outcome.forget_unfinished(self.results)
            return []
        told = expect(self.params, self.cells, frozenset(whole - self.jobs), cores=cores, store=Store())
        self.found = outcome.Outcome(
            cores=cores,
            jobs=counted,
            whole=self.jobs == whole,
            started=self.started,
            estimated=None if told is None else round(told.left.seconds, 1),
        )
        outcome.write(self.results, self.found)
        if told is None:
            return [
                f"to do: {counted} of {sum(stage != 'challenge' for stage, *_ in whole)} searches and runs",
                "time: not known yet; `tuneproof plan` measures this machine in about ten seconds",
            ]
        return show.lines(told)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def job_of(job: Any) -> tuple[str, ...] | None:
    """The name that a job of Snakemake's has in learned.py; None where it is no fit, search or challenge."""
    at = job.wildcards
    if job.rule.name in ("search", "challenge"):
        return (job.rule.name, at.dataset, at.model, at.method)
    return ("train", at.dataset, at.model, at.method, at.seed) if job.rule.name == "train" else None


def jobs_of(params: Params, cells: Iterable[Cell]) -> set[tuple[str, ...]]:
    """All searches, runs and challenges of an experiment."""
    keys = [(cell.dataset, cell.model, cell.method) for cell in cells]
    stages = ("search",) if params.evaluation.challenge is None else ("search", "challenge")
    runs = {("train", *key, str(seed)) for key in keys for seed in params.seeds}
    return {(stage, *key) for key in keys for stage in stages} | runs


def expect(
    params: Params, cells: Sequence[Cell], done: frozenset[tuple[str, ...]], *, cores: int, store: Store
) -> run.Preflight | None:
    """The estimate from stored speeds, or None where a data set or all that is like a cell was never measured."""
    left = [cell for cell in cells if jobs_of(params, [cell]) - done]
    sizes = store.sizes(params, dict.fromkeys((cell.dataset, cell.model) for cell in left))
    known = store.speeds(cells)
    if not known or any((cell.dataset, cell.model) not in sizes for cell in left):
        return None
    speeds: dict[tuple[str, str, str], Speed] = calibrate.filled(cells, known)
    keys = [(cell.dataset, cell.model, cell.method) for cell in left]
    return run.Preflight(
        left=run.estimated(params, left, sizes, speeds, done, cores),
        jobs=len(cells) * (1 + len(params.seeds)),
        guessed=[key for key in keys if not speeds[key].measured],
        cuts=[],
        left_out=[],
        cores=cores,
    )
