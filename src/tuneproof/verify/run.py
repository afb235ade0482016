"""`tuneproof verify`: every check, in the order of the chain, for one number or for a whole experiment.

Reads results, cache and, where there is one, dvc.lock; writes into a temporary folder alone. What is missing of raw
data and models is fetched again, pinned by sha256.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tuneproof.errors import TuneproofError
from tuneproof.trace.chain import Chain
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trace.figures import Figure
from tuneproof.trace.reference import Metric, find
from tuneproof.verify import figures, sources
from tuneproof.verify.again import Again
from tuneproof.verify.items import Item, summary

log = logging.getLogger(__name__)


JUDGED = ("scores", "challenge")
"""Sources of figures that `evaluate` states."""


class Scope(NamedTuple):
    """What is to be verified."""

    runs: list[Run]
    ensembles: list[Ensemble]
    metrics: list[Metric | Figure]
    whole: bool
    settings: set[Path] | None
    """Settings files that count; None: all."""

    @property
    def judged(self) -> bool:
        """Whether scores are a part of it."""
        return self.whole or any(isinstance(metric, Metric) or metric.source in JUDGED for metric in self.metrics)


def report(metric: str | None, results: Path, cache: Path, *, retrain: bool = False, against: str | None = None) -> int:
    """Print one line an item and the verdict; returns the exit code: 0 where all items are the same, else 1."""
    found = []
    for item in _wanted(metric, results, cache, retrain=retrain, against=against):
        print(item, flush=True)
        found.append(item)
    print(summary(found))
    return int(not found or any(item.outcome != "same" for item in found))


def _wanted(metric: str | None, results: Path, cache: Path, *, retrain: bool, against: str | None) -> Iterator[Item]:
    if against is not None:
        from tuneproof.verify.against import against as compare

        yield from compare(results, against)
    elif metric is None:
        experiment = Experiment(results)
        yield from run(experiment, whole(experiment), cache)
    else:
        experiment, number = find(metric)
        if retrain and isinstance(number, Figure) and not number.retrainable:
            raise TuneproofError(f"verify: --retrain with {metric}; allowed: scores, and points of learning curves")
        yield from run(experiment, of_metric(experiment, number), cache)
        if retrain:
            from tuneproof.verify.retrain import retrain as again

            yield from again(experiment, number)


def whole(experiment: Experiment) -> Scope:
    """All runs, ensembles and tables of an experiment."""
    return Scope(experiment.runs, experiment.ensembles, [], True, None)


def of_metric(experiment: Experiment, metric: Metric | Figure) -> Scope:
    """What one number rests on."""
    chain = Chain(experiment)
    chain.metric(metric)
    root = experiment.results / "settings"
    settings = {file.path for node in chain.nodes.values() for file in node.files if root in file.path.parents}
    made = metric.made if isinstance(metric, Figure) else metric.made_by(experiment)
    ensembles = [entry for entry in made if isinstance(entry, Ensemble)]
    runs = [entry for entry in made if isinstance(entry, Run)]
    for ensemble in ensembles:  # an ensemble chooses among all runs that match, so that all of them count
        runs += experiment.runs_of(ensemble.dataset, ensemble.model)
    for teacher in _teachers(experiment, runs):
        runs += experiment.teaching(teacher)
    return Scope(list(dict.fromkeys(runs)), ensembles, [metric], False, settings)


def run(experiment: Experiment, scope: Scope, cache: Path) -> Iterator[Item]:
    """All checks of a scope, in the order of the stages."""
    with tempfile.TemporaryDirectory(prefix="tuneproof-verify-") as folder:
        yield from _checks(experiment, scope, cache, Path(folder))


def _checks(experiment: Experiment, scope: Scope, cache: Path, scratch: Path) -> Iterator[Item]:
    again = Again(experiment, scratch)
    others = [other for run in scope.runs for other in experiment.also_tested(run.dataset, run.model)]
    datasets = list(dict.fromkeys([*(run.dataset for run in scope.runs), *(others if scope.judged else ())]))
    models = list(dict.fromkeys(run.model for run in scope.runs))
    cells = list({run[:3]: run for run in scope.runs}.values())

    _say("settings")
    yield from sources.settings(experiment, scratch, scope.settings)
    usable: dict[str, bool] = {}
    for dataset in datasets:
        _say(f"raw files of {dataset}")
        yield from _noting(usable, dataset, sources.raw(experiment, dataset, cache))
    for model in models:
        _say(f"model {model}")
        yield from _noting(usable, model, sources.model(experiment, model, cache))
    for dataset in datasets:
        _say(f"prepare {dataset}")
        yield from again.prepare(dataset) if usable[dataset] else _skipped(f"prepare/{dataset}", "its raw files")
    for dataset, name in dict.fromkeys((run.dataset, experiment.cell(run).augmentation) for run in cells):
        if name != "none" and usable[dataset]:
            _say(f"augment {dataset} by {name}")
            yield from again.augment(dataset, name)
    plain = [(run.dataset, "none", run.model) for run in cells]
    for dataset, name, model in dict.fromkeys(
        [*plain, *((run.dataset, experiment.cell(run).augmentation, run.model) for run in cells)]
    ):
        _say(f"tokenize {dataset} for {model}")
        if usable[dataset] and usable[model]:
            yield from again.tokenize(dataset, name, model)
        else:
            yield from _skipped(f"tokenize/{dataset}/{name}/{model}", "raw files or model")
    for run in cells:
        yield sources.search(experiment, run)
    for run in scope.runs:
        _say(f"run {run}")
        yield sources.code(experiment, run)
        sound: dict[str, bool] = {}
        yield from _noting(sound, "run", sources.records(experiment, run))
        if sound["run"] and usable[run.dataset] and usable[run.model]:
            yield from again.predict(run)
        else:
            yield from _skipped(f"predictions of {run} from its checkpoint", "what it was made from")
    for teacher in _teachers(experiment, cells):
        _say(f"teach {teacher}")
        yield from again.teach(teacher)
    for run in cells if scope.judged else []:
        if experiment.challenges_of(run.dataset, run.model):
            _say(f"challenge {run.dataset}/{run.model}/{run.method}")
            yield from again.challenge(run)
    for ensemble in scope.ensembles:
        _say(f"ensemble {ensemble}")
        yield from again.ensemble(ensemble)
    pairs = experiment.pairs if scope.whole else list(dict.fromkeys((run.dataset, run.model) for run in scope.runs))
    for pair in (
        pairs if scope.judged else []
    ):  # all methods of a pair are judged on the same resamples, so that one is checked with all
        _say(f"evaluate {'/'.join(pair)}")
        yield from again.evaluate(*pair)
    if scope.whole:
        _say("evaluate across data sets")
        yield from again.across()
    for metric in scope.metrics:
        if isinstance(metric, Metric):
            yield again.metric(metric)
    wanted = {str(metric.file) for metric in scope.metrics}
    if scope.whole or any("report" in Path(name).parts for name in wanted):
        _say("report")
        yield from (item for item in again.report() if scope.whole or item.what in wanted)
    for metric in scope.metrics:
        if isinstance(metric, Figure):
            yield figures.figure(experiment, again, metric)
    if scope.whole:
        yield from _locked(experiment.results)


def _teachers(experiment: Experiment, runs: list[Run]) -> list[Ensemble]:
    """The ensembles that some runs learn from, each once."""
    found = (experiment.teacher(run) for run in runs)
    return list(dict.fromkeys(teacher for teacher in found if teacher is not None))


def _noting(outcomes: dict[str, bool], name: str, items: Iterable[Item]) -> Iterator[Item]:
    """Pass items on, and note whether all were the same."""
    outcomes[name] = True
    for item in items:
        outcomes[name] &= item.outcome == "same"
        yield item


def _skipped(what: str, because: str) -> Iterator[Item]:
    yield Item("missing", what, f"not made again: {because} did not hold, see above")


def _locked(results: Path) -> Iterator[Item]:
    """Results against the md5 that dvc.lock has of them."""
    import hashlib

    from tuneproof.trace import locked

    _say("dvc.lock")
    for name, recorded in locked.hashes(results).items():
        path, what = Path(name), f"{name} in dvc.lock"
        if path.is_dir():
            continue
        if not path.is_file():
            listed = not recorded.endswith(".dir")
            yield Item("missing", what, "file not found" if listed else "folder not found: dvc pull")
            continue
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        same = found == recorded
        yield Item("same", what) if same else Item("differs", what, f"md5 {found[:12]}, in dvc.lock {recorded[:12]}")


def _say(what: str) -> None:
    log.info(f"verify: {what}")
