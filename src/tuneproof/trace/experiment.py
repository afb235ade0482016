"""An experiment as its results folder tells it: what ran, and which file each thing lies in.

Reads `settings/` alone, so that it works for every results folder, with or without DVC and params.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from tuneproof import files
from tuneproof.cell import Cell
from tuneproof.errors import DataError


class Run(NamedTuple):
    """One training run."""

    dataset: str
    model: str
    method: str
    seed: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.model}/{self.name}"

    @property
    def name(self) -> str:
        """As members of ensembles are called."""
        return f"{self.method}/seed-{self.seed}"


class Ensemble(NamedTuple):
    """Several runs that answer together."""

    dataset: str
    model: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)


class Raw(NamedTuple):
    """A raw file of a data set, as fetch's manifest has it."""

    path: Path
    sha256: str
    origin: str


class Experiment:
    """A results folder. Raises `DataError` where it holds no settings, so that nothing can have run."""

    def __init__(self, results: Path) -> None:
        self.results = results
        if not self.settings("report.json").is_file():
            raise DataError(f"{results}: no results (settings/report.json not found); allowed: a folder of results")

    def settings(self, *parts: str) -> Path:
        return self.results.joinpath("settings", *parts)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What `report` was told: cells, seeds, ensembles, data sets."""
        path = self.settings("report.json")
        about: dict[str, Any] = files.read_json(path)
        kinds = {"cells": list, "seeds": list, "ensembles": list, "datasets": dict}
        if not isinstance(about, dict) or any(not isinstance(about.get(key), kind) for key, kind in kinds.items()):
            raise DataError(f"{path}: not the settings of a report; any run of snakemake writes it anew")
        return about

    @cached_property
    def runs(self) -> list[Run]:
        return [Run(d, m, method, seed) for d, m, method in self.about["cells"] for seed in self.about["seeds"]]

    @cached_property
    def ensembles(self) -> list[Ensemble]:
        return [Ensemble(*entry) for entry in self.about["ensembles"]]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(dataset, model) with at least one run."""
        return list(dict.fromkeys((run.dataset, run.model) for run in self.runs))

    @cached_property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(run.dataset for run in self.runs))

    @cached_property
    def models(self) -> list[str]:
        return list(dict.fromkeys(run.model for run in self.runs))

    def cell(self, run: Run) -> Cell:
        try:
            return Cell.read(self.cell_settings(run))
        except ValidationError as error:
            where, path = ".".join(map(str, error.errors()[0]["loc"])), self.cell_settings(run)
            raise DataError(
                f"{path}: not the settings of a cell ({where}); any run of snakemake writes it anew"
            ) from None

    def cell_settings(self, run: Run) -> Path:
        return self.settings("cell", run.dataset, run.model, f"{run.method}.json")

    def task(self, dataset: str) -> str:
        task: str = self.about["datasets"][dataset]["task"]
        return task

    def runs_of(self, dataset: str, model: str) -> list[Run]:
        return [run for run in self.runs if (run.dataset, run.model) == (dataset, model)]

    def ensembles_of(self, dataset: str, model: str) -> list[Ensemble]:
        return [ensemble for ensemble in self.ensembles if (ensemble.dataset, ensemble.model) == (dataset, model)]

    def members(self, ensemble: Ensemble) -> list[Run]:
        """The runs that an ensemble's answer is made of, as its members.json names them."""
        path = self.of(ensemble) / "members.json"
        by_name = {run.name: run for run in self.runs_of(ensemble.dataset, ensemble.model)}
        try:
            return [by_name[entry["run"]] for entry in files.read_json(path)["members"]]
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: found {error}; allowed members: {', '.join(by_name)}") from None

    def teacher(self, run: Run) -> Ensemble | None:
        """The ensemble that a run learns from, or None."""
        name = self.cell(run).teacher()
        return None if name is None else Ensemble(run.dataset, run.model, name)

    def teaching(self, ensemble: Ensemble) -> list[Run]:
        """The runs that teach, as settings name them. Raises `DataError` where one of them learns from an ensemble."""
        path = self.settings("teach", ensemble.dataset, ensemble.model, f"{ensemble.name}.json")
        by_name = {run.name: run for run in self.runs_of(ensemble.dataset, ensemble.model)}
        try:
            found = [by_name[name] for name in files.read_json(path)["members"]]
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: found {error}; allowed members: {', '.join(by_name)}") from None
        for run in found:
            if self.cell(run).teacher() is not None:
                raise DataError(f"{path}: found {run.name}, which learns from an ensemble; allowed: runs that do not")
        return found

    def raw(self, dataset: str) -> list[Raw]:
        """The raw files of a data set."""
        path = self.data_manifest(dataset)
        try:
            return [
                Raw(Path(entry["path"]), str(entry["sha256"]), str(entry["origin"]))
                for entry in files.read_json(path)["files"].values()
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a manifest of data ({error}); delete it and run again") from None

    def model_files(self, model: str) -> dict[Path, str]:
        """Path → sha256 of each file of a pre-trained model."""
        path = self.model_manifest(model)
        try:
            manifest = files.read_json(path)
            return {Path(manifest["folder"], name): str(digest) for name, digest in manifest["files"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a manifest of a model ({error}); delete it and run again") from None

    # folders

    def of(self, made: Run | Ensemble) -> Path:
        """Folder of a run's or an ensemble's files."""
        if isinstance(made, Run):
            return self.results.joinpath("train", made.dataset, made.model, made.method, f"seed-{made.seed}")
        return self.results.joinpath("ensemble", *made)

    def taught(self, ensemble: Ensemble) -> Path:
        """Folder of what an ensemble answered to the training rows."""
        return self.results.joinpath("teach", *ensemble)

    def prepared(self, dataset: str) -> Path:
        return self.results / "prepare" / dataset

    def augmented(self, dataset: str, augmentation: str) -> Path:
        return self.results / "augment" / dataset / augmentation

    def tokens(self, dataset: str, augmentation: str, model: str) -> Path:
        return self.results / "tokenize" / dataset / augmentation / model

    def search(self, run: Run) -> Path:
        return self.results / "search" / run.dataset / run.model / run.method

    def challenged(self, run: Run) -> Path:
        """What the challenge of a run's cell wrote."""
        return self.results / "challenge" / run.dataset / run.model / run.method

    def also_tested(self, dataset: str, model: str) -> list[str]:
        """The other data sets whose test rows the runs on a data set answer."""
        path = self.settings("challenge", dataset, f"{model}.json")
        names: list[str] = files.read_json(path).get("also_test_on", []) if path.is_file() else []
        return [name for name in names if name in self.datasets]

    def challenges_of(self, dataset: str, model: str) -> dict[str, Path]:
        """Method → folder of its challenge, on a data set with a model; empty where none was asked for."""
        if not self.settings("challenge", dataset, f"{model}.json").is_file():
            return {}
        return {run.method: self.challenged(run) for run in self.runs_of(dataset, model)}

    def evaluated(self, dataset: str, model: str) -> Path:
        return self.results / "evaluate" / dataset / model

    def data_manifest(self, dataset: str) -> Path:
        return self.results / "fetch" / "data" / f"{dataset}.json"

    def model_manifest(self, model: str) -> Path:
        return self.results / "fetch" / "models" / f"{model}.json"

    def inputs(self, run: Run) -> dict[str, Path]:
        """What a run read, by the names that its run.json uses."""
        plain, teacher = self.tokens(run.dataset, "none", run.model), self.teacher(run)
        return {
            "settings": self.cell_settings(run),
            "best": self.search(run) / "best.json",
            "trials": self.search(run) / "trials.csv",
            "card": self.prepared(run.dataset) / "card.json",
            "gold": self.prepared(run.dataset) / "validation.parquet",
            "train_tokens": self.tokens(run.dataset, self.cell(run).augmentation, run.model) / "train.parquet",
            "validation_tokens": plain / "validation.parquet",
            "test_tokens": plain / "test.parquet",
            "model": self.model_manifest(run.model),
            **({} if teacher is None else {"teacher": self.taught(teacher) / "train.parquet"}),
        }
