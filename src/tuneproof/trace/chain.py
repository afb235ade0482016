"""The chain behind a number: a graph of what was made from what, down to raw sources, model, code and machine.

Reads results and what they recorded about themselves; changes nothing. Every file comes with its sha256 as it is now
and, where something downstream wrote one down, the recorded one and who recorded it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trace.figures import Figure
from tuneproof.trace.reference import Metric


@dataclass(frozen=True)
class File:
    """One file of the chain."""

    path: Path
    sha256: str | None
    """As it is now; None where the file is missing."""
    recorded: str | None = None
    """As it was when `recorder` read or wrote it."""
    recorder: str | None = None
    dvc: str | None = None
    """md5 under which DVC keeps it, where dvc.lock names it."""

    @property
    def changed(self) -> bool:
        return self.recorded is not None and self.recorded != self.sha256


@dataclass(frozen=True)
class Node:
    """One step: what it is, facts about it, its files, and the steps that it was made from."""

    kind: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"


class Chain:
    """Builds the graph; a step that several others share is in it once. `nodes` maps key → step."""

    def __init__(self, experiment: Experiment, locked: Mapping[str, str] | None = None) -> None:
        self.experiment, self.locked = experiment, locked or {}
        self.nodes: dict[str, Node] = {}

    def metric(self, metric: Metric | Figure) -> str:
        """The chain of one number; returns the key of its step."""
        if isinstance(metric, Figure):
            return self.figure(metric)
        facts = {
            "value": metric.value,
            "score": metric.score,
            "split": metric.split,
            "seed": "mean over seeds" if metric.seed is None and metric.kind == "method" else metric.seed,
        }
        sources = (self.scores(metric),)
        return self._add("metric", str(metric), facts=facts, paths=[metric.file], sources=sources)

    def figure(self, figure: Figure) -> str:
        """The chain of a figure that is no score. Its file is a step's own, but for the report's tables."""
        if figure.source == "scores":
            sources = [self.scores(figure)]
        elif figure.source == "challenge":
            sources = [self.challenged(figure)]
        elif figure.source == "search":
            run = figure.runs[0]
            sources = [self.search(run), self.code(run), self.environment(run)]
        else:
            sources = [self.checkpoint(m) if isinstance(m, Run) else self.predictions(m) for m in figure.made]
        in_report = figure.file.parent == self.experiment.results / "report"
        return self._add(
            "metric" if in_report else "figure",
            str(figure),
            facts={"value": figure.value, "figure": figure.column},
            paths=[figure.file] if in_report else [],
            sources=tuple(sources),
        )

    def scores(self, metric: Metric | Figure) -> str:
        """What `evaluate` made of the predictions."""
        dataset, model = metric.dataset, metric.model
        folder = self.experiment.evaluated(dataset, model)
        settings = self.experiment.settings("evaluate", dataset, model + ".json")
        paths = [*(folder / name for name in ("scores.csv", "comparisons.csv", "groups.csv", "metrics.json")), settings]
        paths += [metric.file] if metric.file.parent == folder and metric.file not in paths else []
        made = metric.made if isinstance(metric, Figure) else metric.made_by(self.experiment)
        sources = (*(self.predictions(entry) for entry in made), self.prepared(dataset))
        facts = _json(settings).get("evaluation", {})
        return self._add("scores", f"{dataset}/{model}", facts=facts, paths=paths, sources=sources)

    def challenged(self, figure: Figure) -> str:
        """What `evaluate` made of the answers to changed texts, or of what was found inside the models."""
        dataset, model = figure.dataset, figure.model
        paths = [figure.file]
        paths.append(self.experiment.settings("evaluate", dataset, model + ".json"))
        sources = (self.challenge(figure.runs[0]), self.prepared(dataset))
        facts = _json(paths[1]).get("evaluation", {})
        return self._add(figure.file.stem, f"{dataset}/{model}", facts=facts, paths=paths, sources=sources)

    def challenge(self, run: Run) -> str:
        """What the stored runs of a cell answered to changed texts, and what was found inside them."""
        folder = self.experiment.challenged(run)
        settings = self.experiment.settings("challenge", run.dataset, run.model + ".json")
        tables = (folder / f"{name}.parquet" for name in ("predictions", "checks", "transfer", "attack", "forgetting"))
        paths = [*tables, folder / "challenge.json", settings]
        facts = _json(folder / "challenge.json")
        seeds = facts.get("seeds", [])
        sources = tuple(self.checkpoint(run._replace(seed=seed)) for seed in seeds)
        tested = [run.dataset, *self.experiment.also_tested(run.dataset, run.model)]
        sources += tuple(self.prepared(dataset) for dataset in tested)
        name = f"{run.dataset}/{run.model}/{run.method}"
        return self._add("challenge", name, facts=facts, paths=paths, sources=sources)

    def predictions(self, made: Run | Ensemble) -> str:
        """What a run or an ensemble answered."""
        folder = self.experiment.of(made)
        if isinstance(made, Ensemble):
            members = self.experiment.members(made)
            about = _json(folder / "members.json")
            weights = [entry.get("weight") for entry in about["members"]]
            facts = {
                "combine": about.get("combine"),
                "options": about.get("options"),
                "members": dict(zip((m.name for m in members), weights, strict=True)),
            }
            paths = [folder / name for name in ("predictions.parquet", "members.json")]
            paths.append(self.experiment.settings("ensemble", made.dataset, made.model, made.name + ".json"))
            averaged = {
                folder / "checkpoint" / name: (_part(entry).get("sha256"), "members.json")
                for name, entry in _part(about.get("checkpoint")).items()
            }
            sources = tuple(self.predictions(member) for member in members)
            sources += tuple(self.checkpoint(member) for member in members if averaged)
            return self._add("ensemble", str(made), facts=facts, paths=paths, record=averaged, sources=sources)
        about = _part(_json(folder / "run.json").get("predictions"))
        record = {folder / "predictions.parquet": (about.get("sha256"), "run.json")}
        sources = (self.checkpoint(made), self.tokens(made))
        return self._add("predictions", str(made), facts={"rows": about.get("rows")}, record=record, sources=sources)

    def checkpoint(self, run: Run) -> str:
        """What was trained, by whom and how."""
        folder = self.experiment.of(run)
        about, made = _json(folder / "run.json"), _json(folder / "provenance.json")
        record = {
            folder / "checkpoint" / name: (_part(entry).get("sha256"), "manifest.json")
            for name, entry in _json(folder / "manifest.json").items()
        }
        for name, digest in _part(made.get("files")).items():
            if name != "predictions.parquet":  # a step of its own
                record[folder / name] = (digest, "provenance.json")
        facts = {key: about.get(key) for key in ("seed", "learning_rate", "warmup_ratio", "best_epoch", "steps")}
        facts |= {key: about[key] for key in ("weight_decay", "dropout") if key in about}
        facts |= {key: about.get(key) for key in ("precision", "device", "threads")}
        facts |= {"command": made.get("command"), "hardware": made.get("hardware"), "started": made.get("started")}
        facts["ended"] = made.get("ended")
        sources = (
            self.settings(run),
            self.search(run),
            self.tokens(run),
            self.model(run.model, run),
            self.code(run),
            self.environment(run),
            *self.teacher(run),
        )
        paths = [folder / "provenance.json"]
        return self._add("checkpoint", str(run), facts=facts, paths=paths, record=record, sources=sources)

    def settings(self, run: Run) -> str:
        path = self.experiment.cell_settings(run)
        content = _json(path)
        facts = {key: content.get(key) for key in ("tuning", "augmentation", "adversarial", "training")}
        record = {path: self._recorded(run, "settings")}
        return self._add("settings", f"{run.dataset}/{run.model}/{run.method}", facts=facts, record=record)

    def search(self, run: Run) -> str:
        """The study that chose the learning rate, and its best trial."""
        folder = self.experiment.search(run)
        best = _json(folder / "best.json")
        facts = {"best trial": best.get("trial"), **{key: best.get(key) for key in ("score", "value", "trials")}}
        facts |= {key: best.get(key) for key in ("learning_rate", "warmup_ratio", "range", "edge")}
        facts |= {key: best[key] for key in ("weight_decay", "dropout", "workers") if key in best}
        record = {
            folder / "best.json": self._recorded(run, "best"),
            folder / "trials.csv": self._recorded(run, "trials"),
        }
        sources = (self.settings(run), self.tokens(run), self.model(run.model, run), *self.teacher(run))
        name = f"{run.dataset}/{run.model}/{run.method}"
        return self._add("search", name, facts=facts, record=record, sources=sources)

    def teacher(self, run: Run) -> tuple[str, ...]:
        """What the ensemble that a run learns from answered to the training rows; empty where there is none."""
        ensemble = self.experiment.teacher(run) if self.experiment.cell_settings(run).is_file() else None
        if ensemble is None:
            return ()
        folder, members = self.experiment.taught(ensemble), self.experiment.teaching(ensemble)
        about = _json(folder / "members.json")
        facts = {"combine": "mean", "members": [m.name for m in members], "unanswered": about.get("unanswered")}
        settings = self.experiment.settings("teach", *ensemble[:2], ensemble.name + ".json")
        record = {folder / "train.parquet": self._recorded(run, "teacher")}
        return (
            self._add(
                "teacher",
                str(ensemble),
                facts=facts,
                paths=[folder / "members.json", settings],
                record=record,
                sources=(*map(self.checkpoint, members), *map(self.tokens, members[:1])),
            ),
        )

    def tokens(self, run: Run) -> str:
        augmentation = str(_json(self.experiment.cell_settings(run)).get("augmentation", "none"))
        paths = self.experiment.inputs(run)
        named = ("train_tokens", "validation_tokens", "test_tokens")
        record = {paths[name]: self._recorded(run, name) for name in named}
        settings = self.experiment.settings("tokenize", run.dataset, run.model + ".json")
        sources = [self.prepared(run.dataset, run), self.model(run.model, run)]
        if augmentation != "none":
            sources.insert(0, self.augmented(run.dataset, augmentation, run))
        return self._add(
            "tokens",
            f"{run.dataset}/{augmentation}/{run.model}",
            facts={"max_length": _json(settings).get("max_length")},
            paths=[settings],
            record=record,
            sources=tuple(sources),
        )

    def augmented(self, dataset: str, augmentation: str, run: Run | None = None) -> str:
        folder = self.experiment.augmented(dataset, augmentation)
        about = _json(folder / "card.json")
        facts = {key: about.get(key) for key in ("technique", "seed", "rows")}
        paths = [folder / "train.parquet", folder / "card.json"]
        paths.append(self.experiment.settings("augment", dataset, augmentation + ".json"))
        sources = (self.prepared(dataset, run),)
        return self._add("augmented", f"{dataset}/{augmentation}", facts=facts, paths=paths, sources=sources)

    def prepared(self, dataset: str, run: Run | None = None) -> str:
        folder = self.experiment.prepared(dataset)
        about = _json(folder / "card.json")
        facts = {key: about.get(key) for key in ("task", "rows_read", "rows", "licence", "citation")}
        record = {
            folder / "card.json": self._recorded(run, "card"),
            folder / "validation.parquet": self._recorded(run, "gold"),
        }
        paths = [folder / "train.parquet", folder / "test.parquet"]
        paths.append(self.experiment.settings("prepare", dataset + ".json"))
        sources = (self.raw(dataset),)
        return self._add("prepared", dataset, facts=facts, paths=paths, record=record, sources=sources)

    def raw(self, dataset: str) -> str:
        """Where the rows came from: files, and the package, URL or path that they were taken from."""
        path = self.experiment.data_manifest(dataset)
        manifest = _json(path)
        entries = self.experiment.raw(dataset) if manifest else []
        declared = _json(self.experiment.settings("fetch", "data", dataset + ".json")).get("source", {})
        facts = {"kind": manifest.get("kind"), "origin": [entry.origin for entry in entries], "declared": declared}
        record = {entry.path: (entry.sha256, path.name) for entry in entries}
        paths = [path, self.experiment.settings("fetch", "data", dataset + ".json")]
        return self._add("raw source", dataset, facts=facts, paths=paths, record=record)

    def model(self, model: str, run: Run | None = None) -> str:
        """The pre-trained model."""
        path = self.experiment.model_manifest(model)
        manifest = _json(path)
        listed = self.experiment.model_files(model) if manifest else {}
        facts = {key: manifest.get(key) for key in ("kind", "origin", "licence")}
        record: dict[Path, tuple[str | None, str]] = {file: (digest, path.name) for file, digest in listed.items()}
        record[path] = self._recorded(run, "model")
        paths = [self.experiment.settings("fetch", "models", model + ".json")]
        return self._add("model", model, facts=facts, paths=paths, record=record)

    def code(self, run: Run) -> str:
        """The source files that the fit depends on, as they were, with commit and uncommitted changes."""
        folder = self.experiment.of(run)
        hashes = _json(folder / "run.json").get("code", {})
        made = _part(_json(folder / "provenance.json").get("git"))
        facts = {"commit": made.get("commit"), "dirty": made.get("dirty"), "diff": made.get("diff")}
        facts["diff_sha256"] = made.get("diff_sha256")
        facts["files"] = hashes
        return self._add("code", str(run), facts=facts)

    def environment(self, run: Run) -> str:
        folder = self.experiment.of(run)
        about, made = _json(folder / "run.json"), _json(folder / "provenance.json")
        facts = {"python": about.get("python"), "packages": about.get("packages"), "platform": made.get("platform")}
        facts |= {key: made.get(key) for key in ("hardware", "processors", "environment")}
        facts["all packages"] = made.get("packages")
        return self._add("environment", str(run), facts=facts)

    def _recorded(self, run: Run | None, name: str) -> tuple[str | None, str]:
        if run is None:
            return None, ""
        folder = self.experiment.of(run)
        return _part(_json(folder / "run.json").get("inputs")).get(name), f"{run.name}/run.json"

    def _add(
        self,
        kind: str,
        name: str,
        *,
        facts: dict[str, Any] | None = None,
        paths: list[Path] | None = None,
        record: Mapping[Path, tuple[str | None, str]] | None = None,
        sources: tuple[str, ...] = (),
    ) -> str:
        key = f"{kind} {name}"
        if key not in self.nodes:
            listed: dict[Path, tuple[str | None, str]] = {**(record or {}), **dict.fromkeys(paths or (), (None, ""))}
            found = tuple(self._file(path, *recorded) for path, recorded in listed.items())
            self.nodes[key] = Node(kind, name, facts or {}, found, sources)
        return key

    def _file(self, path: Path, recorded: str | None, recorder: str) -> File:
        now = files.sha256(path) if path.is_file() else None
        return File(path, now, recorded, recorder if recorded else None, self.locked.get(path.as_posix()))


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is missing, which its own entry in the chain says."""
    return _part(files.read_json(path)) if path.is_file() else {}


def _part(content: Any) -> dict[str, Any]:
    """A part of a JSON file; empty where it is no object: `verify` says what is wrong with the file."""
    return content if isinstance(content, dict) else {}
