"""Checks of what an experiment started from: settings, raw data, models; and what runs wrote down about themselves."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tuneproof import files, provenance
from tuneproof.cell import Cell
from tuneproof.errors import DataError, TuneproofError
from tuneproof.trace.experiment import Experiment, Run
from tuneproof.verify.items import Item, by_hash

if TYPE_CHECKING:
    import pandas as pd

SOURCE = re.compile(r"tuneproof(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
"""Name of a source file; what a tampered file says must lead nowhere else."""
COMMIT = re.compile(r"[0-9a-f]{40,64}")


def params_of(results: Path) -> Path | None:
    """The params file that writes to a results folder: params.yaml, or one of experiments/."""
    for path in [Path("params.yaml"), *sorted(Path("experiments").glob("*.yaml"))]:
        if path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            if isinstance(content, dict) and Path(content.get("results", "results")) == results:
                return path
    return None


def settings(experiment: Experiment, scratch: Path, wanted: set[Path] | None) -> Iterator[Item]:
    """Settings files against params, and that each is written as `settings.py` writes; `wanted`: only these."""
    from tuneproof import params
    from tuneproof.settings import write

    root = experiment.results / "settings"
    source = params_of(experiment.results)
    stored = {path for path in root.rglob("*") if path.is_file()}
    if source is None:
        for path in sorted(stored if wanted is None else stored & wanted):
            item = _canonical(path, indent_sorted=True)
            yield item._replace(what=f"{path} against its own form")
        return
    write(params.load(source), scratch)
    made = {root / path.relative_to(scratch / "settings") for path in (scratch / "settings").rglob("*.json")}
    for path in sorted((stored | made) if wanted is None else (stored | made) & wanted):
        again = scratch / path.relative_to(experiment.results)
        what = f"{path} from {source}"
        if not path.is_file() or not again.is_file():
            yield Item("missing", what, "file not found" if not path.is_file() else "no such job in params")
        elif path.read_bytes() == again.read_bytes():
            yield Item("same", what)
        else:
            yield Item("differs", what, "params were changed since: run again")


def raw(experiment: Experiment, dataset: str, cache: Path) -> Iterator[Item]:
    """Raw files of a data set; what is not there is fetched again, what is there is only looked at."""
    from pydantic import TypeAdapter

    from tuneproof.fetch import ensure_data
    from tuneproof.origins import Source

    path = experiment.data_manifest(dataset)
    yield _canonical(path)
    try:
        entries = experiment.raw(dataset)
    except DataError as error:
        yield Item("differs", f"raw files of {dataset}", str(error))
        return

    def fetch() -> None:
        declared = files.read_json(experiment.settings("fetch", "data", dataset + ".json"))["source"]
        source: Source = TypeAdapter(Source).validate_python(declared)
        ensure_data(files.read_json(path), source, cache)

    problem = "" if all(entry.path.exists() for entry in entries) else _attempt(fetch)
    for entry in entries:
        item = by_hash(f"{entry.path} as {path} has it", entry.path, entry.sha256)
        yield item._replace(detail=problem) if item.outcome == "missing" and problem else item


def model(experiment: Experiment, name: str, cache: Path) -> Iterator[Item]:
    """Files of a pre-trained model; what is not there is fetched again."""
    from pydantic import TypeAdapter

    from tuneproof.fetch import ensure_model
    from tuneproof.origins import Model

    path = experiment.model_manifest(name)
    yield _canonical(path)
    try:
        listed = experiment.model_files(name)
    except DataError as error:
        yield Item("differs", f"files of model {name}", str(error))
        return

    def fetch() -> None:
        declared = files.read_json(experiment.settings("fetch", "models", name + ".json"))["model"]
        ensure_model(files.read_json(path), TypeAdapter(Model).validate_python(declared), cache)

    problem = "" if all(file.exists() for file in listed) else _attempt(fetch)
    for file, recorded in listed.items():
        item = by_hash(f"{file} as {path} has it", file, recorded)
        yield item._replace(detail=problem) if item.outcome == "missing" and problem else item


def records(experiment: Experiment, run: Run) -> Iterator[Item]:
    """What a run wrote down: its inputs, its own files, its checkpoint."""
    from tuneproof.train import checkpoint
    from tuneproof.train.run import WRITTEN

    folder = experiment.of(run)
    about, made = _object(folder / "run.json"), _object(folder / "provenance.json")
    yield _described(folder / "run.json", about)
    yield _sealed(folder / "provenance.json", made)
    for name in WRITTEN:
        yield by_hash(str(folder / name), folder / name, _part(made, "files").get(name))
    for name, path in experiment.inputs(run).items():
        yield by_hash(f"{path} as {run} read it", path, _part(about, "inputs").get(name))
    predictions = _part(about, "predictions").get("sha256")
    yield by_hash(f"{folder}/predictions.parquet as {run} wrote it", folder / "predictions.parquet", predictions)
    listed = _object(folder / "manifest.json")
    for name in listed:
        recorded = _part(listed, name).get("sha256")
        yield by_hash(str(folder / "checkpoint" / name), folder / "checkpoint" / name, recorded)
    yield _canonical(folder / "manifest.json")
    extra = sorted({*checkpoint.manifest(folder / "checkpoint")} - {*listed})
    if extra:
        yield Item("differs", f"{folder}/checkpoint", f"{extra[0]} is not in manifest.json")


def code(experiment: Experiment, run: Run) -> Item:
    """The code of a run is at hand: as it lies here, or as its commit and diff give it."""
    what, folder = f"code of {run}", experiment.of(run)
    recorded: dict[str, str] = _part(_object(folder / "run.json"), "code")
    git = _part(_object(folder / "provenance.json"), "git")
    if not recorded:
        return Item("missing", what, "no sha256 was recorded; run again to have one")
    odd = next((name for name in recorded if not SOURCE.fullmatch(name)), None)
    if odd is not None:
        return Item("differs", what, f"{odd!r} is not the name of a source file")
    root = provenance.PACKAGE.parent
    changed = [n for n, d in recorded.items() if not (root / n).is_file() or files.sha256(root / n) != d]
    if not changed:
        return Item("same", what, f"{len(recorded)} files, as here")
    if not COMMIT.fullmatch(str(git.get("commit"))):
        return Item("differs", what, f"{changed[0]} and {len(changed) - 1} more changed; no commit was recorded")
    lost = [name for name, digest in _checked_out(changed, git).items() if digest != recorded[name]]
    if not lost:
        return Item("same", what, f"{len(recorded)} files, as in {git['commit'][:12]}; {len(changed)} changed since")
    return Item("differs", what, f"{lost[0]} is neither as here nor as in commit {git['commit'][:12]}")


def best_again(cell: Cell, trials: pd.DataFrame) -> dict[str, Any]:
    """What best.json should say of trials.csv. Raises `IndexError` where no trial is complete."""
    from tuneproof import tasks
    from tuneproof.search import edge
    from tuneproof.trial import dimensions

    done = trials[trials["state"] == "complete"].sort_values(["value", "trial"], ascending=[False, True])
    first = done.iloc[0]
    low, high, _ = cell.learning_rates
    return {
        **{dimension.name: float(first[dimension.name]) for dimension in dimensions(cell)},
        "score": tasks.get(cell.task).primary,
        "value": float(first["value"]),
        "trial": int(first["trial"]),
        "trials": len(trials),
        "range": [low, high],
        "edge": edge(float(first["learning_rate"]), low, high),
        **({"workers": cell.search.workers} if cell.search.workers > 1 else {}),
    }


def search(experiment: Experiment, run: Run) -> Item:
    """best.json is the best of trials.csv, under the settings' range and budget."""
    import pandas as pd

    folder = experiment.search(run)
    what = f"{folder}/best.json from trials.csv"
    if not (folder / "best.json").is_file() or not (folder / "trials.csv").is_file():
        return Item("missing", what, "file not found")
    cell, best = experiment.cell(run), _object(folder / "best.json")
    try:
        trials = pd.read_csv(folder / "trials.csv")
        if "left_out" in best:  # the reason is found again with each of its runs
            written = (folder / "best.json").read_text(encoding="utf-8") == files.json_text(best)
            alone = written and list(best) == ["left_out"] and trials.empty
            return Item("same" if alone else "differs", what, "left out" if alone else "left out, but with more to it")
        again = best_again(cell, trials)
    except (ValueError, KeyError, IndexError) as error:
        return Item("differs", what, f"trials.csv is not a table of trials ({error})")
    wrong = [key for key in dict.fromkeys([*best, *again]) if best.get(key) != again.get(key)]
    if wrong:
        key = wrong[0]
        return Item("differs", what, f"{key}: {best.get(key)}; from the trials {again.get(key)}")
    text = (folder / "best.json").read_text(encoding="utf-8")
    return Item("same", what) if text == files.json_text(best) else Item("differs", what, "only in how it is written")


def _described(path: Path, content: dict[str, Any]) -> Item:
    """run.json against its JSON Schema."""
    import jsonschema

    from tuneproof.train.run import SCHEMA

    what = f"{path} against its schema"
    if not content:
        return Item("missing", what, "file not found or not an object")
    validator = jsonschema.Draft202012Validator(files.read_json(SCHEMA))
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error is None:
        return Item("same", what)
    return Item("differs", what, f"{'.'.join(map(str, error.path)) or 'run'}: {error.message[:100]}")


def _sealed(path: Path, content: dict[str, Any]) -> Item:
    what = f"{path} by its own sha256"
    if not content:
        return Item("missing", what, "file not found or not an object")
    intact = provenance.is_sealed(content) and path.read_text(encoding="utf-8") == files.json_text(content)
    return Item("same", what) if intact else Item("differs", what, "changed since it was written")


def _canonical(path: Path, *, indent_sorted: bool = False) -> Item:
    """A JSON file is written exactly as this program writes it."""
    import json

    what = f"{path} as written"
    if not path.is_file():
        return Item("missing", what, "file not found")
    try:
        content = files.read_json(path)
    except DataError as error:
        return Item("differs", what, str(error))
    text = files.json_text(content)
    if indent_sorted:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    intact = path.read_bytes() == text.encode()
    return Item("same", what) if intact else Item("differs", what, "not as this program writes it")


def _checked_out(names: list[str], git: dict[str, Any]) -> dict[str, str | None]:
    """sha256 of source files as a recorded commit and diff give them; None where they do not."""
    root = provenance.PACKAGE.parent

    def ask(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, check=False).stdout

    prefix = ask("rev-parse", "--show-prefix").decode().strip()
    found: dict[str, str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, prefix, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = ask("show", f"{git['commit']}:{prefix}{name}")
            if content:
                path.write_bytes(content)
        if git.get("diff"):
            included = [word for name in names for word in ("--include", f"{prefix}{name}")]
            command = ["git", "apply", "--whitespace=nowarn", *included]
            subprocess.run(command, cwd=folder, input=git["diff"].encode(), capture_output=True, check=False)
        for name in names:
            path = Path(folder, prefix, name)
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return found


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none: the file's own item says so."""
    try:
        content = files.read_json(path)
    except DataError:
        return {}
    return content if isinstance(content, dict) else {}


def _part(content: dict[str, Any], key: str) -> dict[str, Any]:
    """An object inside an object; empty where there is none."""
    part = content.get(key)
    return part if isinstance(part, dict) else {}


def _attempt(action: Callable[[], None]) -> str:
    """What went wrong, in one line; empty where nothing did."""
    try:
        action()
    except (TuneproofError, KeyError, ValueError) as error:  # settings that were tampered with are no declaration
        return " ".join(str(error).split())
    return ""
