"""From params to one settings file a job.

Each stage reads only the settings it needs, as a file that is written when its content differs: an edited setting
re-runs the jobs that read it and nothing else, behind both doors and without any metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tuneproof import adversarial, augment, files, regularisers, tasks, tunings
from tuneproof import ensemble as combining
from tuneproof.cell import Cell, Part, Training
from tuneproof.challenge.options import Challenge
from tuneproof.challenge.rewrites import unavailable
from tuneproof.dataset import Dataset
from tuneproof.params import Method, Params
from tuneproof.tunings.base import Tuning


class Plan(Part):
    """All jobs of an experiment, in the order of params."""

    cells: list[Cell]
    left_out: list[dict[str, str]]
    """`dataset`, `model`, `method`, `reason` of each combination that is not run."""
    ensembles: list[tuple[str, str, str]]
    """(dataset, model, ensemble) of each ensemble with at least one member."""

    def pairs(self) -> list[tuple[str, str]]:
        """(dataset, model) with at least one cell."""
        return list(dict.fromkeys((cell.dataset, cell.model) for cell in self.cells))

    def augmentations(self) -> list[tuple[str, str]]:
        """(dataset, augmentation) that some cell trains on."""
        used = dict.fromkeys((cell.dataset, cell.augmentation) for cell in self.cells)
        return [pair for pair in used if pair[1] != "none"]

    def teachers(self) -> list[tuple[str, str, str]]:
        """(dataset, model, ensemble) of each ensemble that some cell learns from."""
        found = ((cell.dataset, cell.model, cell.teacher()) for cell in self.cells)
        return list(dict.fromkeys((dataset, model, name) for dataset, model, name in found if name is not None))


def plan(params: Params) -> Plan:
    """Which cells run, and why the others do not."""
    cells, left_out = [], []
    for dataset_name, dataset in params.datasets.items():
        for model_name in params.models:
            for method_name, method in params.methods.items():
                if dataset.methods is not None and method_name not in dataset.methods:
                    continue
                reason = _misfit(params, dataset_name, method_name) or _no_teacher(params, dataset_name, method)
                if reason is not None:
                    left_out.append(
                        {"dataset": dataset_name, "model": model_name, "method": method_name, "reason": reason}
                    )
                    continue
                tuning = tunings.get(method.tuning["name"])
                low, high, first = tuning.learning_rates
                if method.learning_rate is not None:
                    low, high = method.learning_rate
                    first = min(max(first, low), high)
                training = {**params.training.model_dump(), **dataset.training, **method.training}
                if not tuning.by_gradient:
                    training["epochs"] = 1
                cells.append(
                    Cell(
                        dataset=dataset_name,
                        model=model_name,
                        method=method_name,
                        task=dataset.task,
                        tuning=method.tuning,
                        augmentation=method.augment or "none",
                        adversarial=method.adversarial,
                        regularisers=method.all_regularisers(),
                        training=Training.model_validate(training),
                        learning_rates=(low, high, first),
                        search=params.search,
                    )
                )
    ensembles = []
    for dataset_name, model_name in dict.fromkeys((cell.dataset, cell.model) for cell in cells):
        for name in params.ensembles:
            if not members(params, cells, dataset_name, model_name, name):
                continue
            reason = _no_combination(params, dataset_name, name)
            if reason is None:
                ensembles.append((dataset_name, model_name, name))
            else:
                left_out.append({"dataset": dataset_name, "model": model_name, "method": name, "reason": reason})
    return Plan(cells=cells, left_out=left_out, ensembles=ensembles)


def members(params: Params, cells: list[Cell], dataset: str, model: str, ensemble: str) -> list[str]:
    """`method/seed-N` of the runs that belong to an ensemble."""
    runs = [
        f"{cell.method}/seed-{seed}"
        for cell in cells
        if (cell.dataset, cell.model) == (dataset, model)
        for seed in params.seeds
    ]
    patterns = params.ensembles[ensemble].members
    return [run for run in runs if any(fnmatchcase(run, pattern) for pattern in patterns)]


def one_model(params: Params, ensemble: str) -> bool:
    """Whether an ensemble's members become one model, so that their checkpoints are read."""
    return combining.get(params.ensembles[ensemble].combine["name"]).one_model


def write(params: Params, results: Path) -> Plan:
    """Write every settings file that differs, remove those of jobs that are gone, and return the plan."""
    planned = plan(params)
    contents = {path: content + "\n" for path, content in _contents(params, planned).items()}
    root = results / "settings"
    for path, content in contents.items():
        files.write_if_changed(root / path, content)
    for file in root.rglob("*.json"):
        if file.relative_to(root).as_posix() not in contents:
            file.unlink()
    return planned


def _contents(params: Params, planned: Plan) -> dict[str, str]:
    import json

    def dump(content: Any) -> str:
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)

    found: dict[str, str] = {}
    for name in dict.fromkeys(cell.dataset for cell in planned.cells):
        dataset = params.datasets[name]
        declared = dataset.model_dump(mode="json")
        found[f"fetch/data/{name}.json"] = dump({"name": name, "source": declared["source"]})
        unused = ("methods", "also_test_on", "training", "max_length", "train_sizes", "draws", "family")
        used = {key: value for key, value in declared.items() if key not in unused}
        found[f"prepare/{name}.json"] = dump({"name": name, "dataset": used})
    for name in dict.fromkeys(cell.model for cell in planned.cells):
        found[f"fetch/models/{name}.json"] = dump({"name": name, "model": params.models[name].model_dump(mode="json")})
    for dataset_name, model_name in planned.pairs():
        dataset = params.datasets[dataset_name]
        found[f"tokenize/{dataset_name}/{model_name}.json"] = dump(
            {"task": dataset.task, "max_length": dataset.max_length}
        )
        found[f"evaluate/{dataset_name}/{model_name}.json"] = dump(
            {
                "dataset": dataset_name,
                "model": model_name,
                "task": dataset.task,
                "evaluation": _evaluation(params),
            }
        )
        if params.evaluation.challenge is not None:
            found[f"challenge/{dataset_name}/{model_name}.json"] = dump(
                _challenge(params, planned, params.evaluation.challenge, dataset_name)
            )
    for dataset_name, name in planned.augmentations():
        found[f"augment/{dataset_name}/{name}.json"] = dump(
            {
                "name": name,
                "task": params.datasets[dataset_name].task,
                "augmentation": params.augmentations[name].model_dump(mode="json"),
            }
        )
    for cell in planned.cells:
        found[f"cell/{cell.dataset}/{cell.model}/{cell.method}.json"] = dump(cell.model_dump(mode="json"))
    for dataset_name, model_name, name in planned.ensembles:
        ensemble = params.ensembles[name].model_dump(mode="json")
        runs = members(params, planned.cells, dataset_name, model_name, name)
        tuned = {run.rpartition("/")[0] for run in runs}
        frozen = [method for method in tuned if tunings.get(params.methods[method].tuning["name"]).frozen_body]
        about = {"name": name, "task": params.datasets[dataset_name].task, "frozen_body": sorted(frozen)}
        found[f"ensemble/{dataset_name}/{model_name}/{name}.json"] = dump({**about, **ensemble})
    for dataset_name, model_name, name in planned.teachers():
        runs = members(params, planned.cells, dataset_name, model_name, name)
        about = {"name": name, "task": params.datasets[dataset_name].task, "members": runs}
        found[f"teach/{dataset_name}/{model_name}/{name}.json"] = dump(about)
    found["across.json"] = dump(
        {
            "cells": [[cell.dataset, cell.model, cell.method] for cell in planned.cells],
            "datasets": {
                name: {"primary": tasks.get(dataset.task).primary, "family": dataset.family or name}
                for name, dataset in params.datasets.items()
            },
            "evaluation": _evaluation(params),
            "ranges": {
                "warmup_ratio": list(params.search.warmup_ratio),
                **{name: list(ends) for name, ends in params.search.further().items()},
            },
        }
    )
    found["report.json"] = dump(_report(params, planned))
    return found


def _evaluation(params: Params) -> dict[str, Any]:
    """How scores are judged; what the stage `challenge` asks is told to it alone."""
    return params.evaluation.model_dump(mode="json", exclude={"challenge"})


def _challenge(params: Params, planned: Plan, challenge: Challenge, dataset_name: str) -> dict[str, Any]:
    dataset = params.datasets[dataset_name]
    missing = {name: unavailable(name, dataset.task) for name in challenge.shifts}
    return {
        "task": dataset.task,
        "max_length": dataset.max_length,
        "rows": challenge.rows,
        "seed": params.evaluation.seed,
        "seeds": list(challenge.seeds or params.seeds[:1]),
        "shifts": {name: strength for name, strength in challenge.shifts.items() if missing[name] is None},
        "also_test_on": [name for name in dataset.also_test_on if name in {cell.dataset for cell in planned.cells}],
        "unavailable": {name: reason for name, reason in missing.items() if reason is not None},
        **challenge.model_dump(mode="json", include={"attack", "explain", "forgetting", "checks"}),
    }


def _report(params: Params, planned: Plan) -> dict[str, Any]:
    methods = {}
    for name, method in params.methods.items():
        tuning = tunings.get(method.tuning["name"])
        methods[name] = {
            "idea": tuning.idea,
            "paper": tuning.paper,
            "tuning": method.tuning["name"],
            "augment": method.augment,
            "adversarial": method.adversarial and method.adversarial["name"],
            "regularisers": [part["name"] for part in method.all_regularisers()],
            "detail": _detail(method),
            "scale": tuning.scale,
            "training": method.training,
        }
    return {
        "title": params.report.title,
        "language": params.report.language,
        "datasets": {
            name: {"task": dataset.task, "primary": tasks.get(dataset.task).primary, **_size(dataset)}
            for name, dataset in params.datasets.items()
        },
        "models": list(params.models),
        "methods": methods,
        "cells": [[cell.dataset, cell.model, cell.method] for cell in planned.cells],
        "seeds": list(params.seeds),
        "ensembles": [list(entry) for entry in planned.ensembles],
        "left_out": planned.left_out,
        "search": params.search.model_dump(mode="json"),
        "evaluation": params.evaluation.model_dump(mode="json"),
    }


def _size(dataset: Dataset) -> dict[str, Any]:
    """Its place on its family's learning curve."""
    size, unit = (dataset.train_size, "rows") if dataset.train_size else (dataset.train_per_class, "per class")
    if dataset.family is None or size is None:
        return {}
    return {"family": dataset.family, "size": size, "unit": unit, "draw": dataset.draw}


def _detail(method: Method) -> list[str]:
    """What a method has besides its tuning as it usually is: `rank 16`, `synonym`, `fgm epsilon 0.5`."""
    found = [f"{key} {value}" for key, value in _changed(tunings.get, method.tuning).items()]
    found += [method.augment] if method.augment else []
    parts = [(adversarial.get, method.adversarial)] if method.adversarial else []
    for get, chosen in [*parts, *((regularisers.get, part) for part in method.all_regularisers())]:
        options = [f"{key} {value}" for key, value in _changed(get, chosen).items()]
        found.append(" ".join([chosen["name"], *options]))
    return found


def _changed(get: Callable[[str], Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """Options that are not at their defaults."""
    usual = {
        name: field.get_default(call_default_factory=True) for name, field in get(chosen["name"]).model_fields.items()
    }
    return {key: value for key, value in chosen.items() if key != "name" and value != usual[key]}


def _no_combination(params: Params, dataset_name: str, ensemble: str) -> str | None:
    """Why an ensemble is not made on a data set, or None."""
    task, name = params.datasets[dataset_name].task, params.ensembles[ensemble].combine["name"]
    allowed = combining.get(name).tasks
    return None if task in allowed else f"{name} is for {', '.join(allowed)}, not for {task}"


def _no_teacher(params: Params, dataset_name: str, method: Method) -> str | None:
    """Why a method has nobody to learn from on a data set, or None."""
    if method.distil is None:
        return None
    ensemble, wanted = method.distil["ensemble"], params.datasets[dataset_name].methods
    runs = [
        f"{name}/seed-{seed}"
        for name in params.methods
        if (wanted is None or name in wanted) and _misfit(params, dataset_name, name) is None
        for seed in params.seeds
    ]
    if any(fnmatchcase(run, pattern) for run in runs for pattern in params.ensembles[ensemble].members):
        return None
    return f"it learns from the ensemble {ensemble}, of which no member runs here"


def _misfit(params: Params, dataset_name: str, method_name: str) -> str | None:
    """Why a method does not run on a data set, or None."""
    dataset, method = params.datasets[dataset_name], params.methods[method_name]
    tuning = tunings.get(method.tuning["name"])
    parts: list[tuple[str, Any]] = [(method.tuning["name"], tuning)]
    if method.adversarial is not None:
        parts.append((method.adversarial["name"], adversarial.get(method.adversarial["name"])))
    parts += [(part["name"], regularisers.get(part["name"])) for part in method.all_regularisers()]
    for name, part in parts:
        if dataset.task not in part.tasks:
            return f"{name} is for {', '.join(part.tasks)}, not for {dataset.task}"
    if not tuning.by_gradient and len(parts) > 1:
        return f"{method.tuning['name']} takes no gradient steps, which {parts[1][0]} needs"
    if tuning.objective is not Tuning.objective:
        for name, part in parts[1:]:
            if part.task_loss:
                return f"{method.tuning['name']} learns from a loss of its own, and {name} is about the task's"
    if method.augment is None:
        return None
    augmentation = params.augmentations[method.augment]
    options = {key: value for key, value in augmentation.technique.items() if key != "name"}
    return augmentation.unfit(dataset.task) or augment.get(augmentation.technique["name"])(**options).unavailable()
