"""Which source files a stage's outcome depends on: its modules and, transitively, what they import.

Snakemake's rules name a listing of these files as input and `dvc.yaml` the files as deps (a test compares the two), so
that edited code re-runs what it could have changed. Registries name modules by strings, which this reading does not
follow: a cell depends on its own tuning only, and an edited tuning re-runs its own cells. `cli.py` is left out: it
passes arguments on and decides nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tuneproof import adversarial, augment, ensemble, files, regularisers, tasks, tunings
from tuneproof.cell import Cell
from tuneproof.prepare import sources

PACKAGE = Path(__file__).parent
LISTINGS = Path(".tuneproof", "code")

STAGES = {
    "fetch": ["tuneproof.fetch"],
    "prepare": ["tuneproof.prepare.run"],
    "augment": ["tuneproof.augment.run"],
    "tokenize": ["tuneproof.tokenize"],
    "search": ["tuneproof.search"],
    "train": ["tuneproof.train.run"],
    "teach": ["tuneproof.teach"],
    "challenge": ["tuneproof.challenge.run"],
    "ensemble": ["tuneproof.ensemble.run"],
    "evaluate": ["tuneproof.evaluate.run", "tuneproof.evaluate.across"],
    "report": ["tuneproof.report.run"],
}
"""Stage → the modules that do its work."""
COMBINING = {**tasks.TASKS, **ensemble.COMBINATIONS, **tunings.TUNINGS}
"""What an ensemble may use: its task, its combination, and the tuning of a model that its members become."""
TEACHING = {**tasks.TASKS, **tunings.TUNINGS}
"""What a teacher may use: its task, and the tunings of its members."""


def of_stage(stage: str, *parts: str) -> list[str]:
    """Files of a stage and of the registry entries (task, technique, reader) it uses; paths relative to the cwd."""
    return [*_files((*STAGES[stage], *(_entry(stage, part) for part in parts)), Path.cwd())]


def of_cell(cell: Cell) -> list[str]:
    """Files that search and training of one cell depend on."""
    entries = [tasks.TASKS[cell.task], tunings.TUNINGS[cell.tuning["name"]]]
    if cell.adversarial is not None:
        entries.append(adversarial.ADVERSARIAL[cell.adversarial["name"]])
    entries += [regularisers.ALL[part["name"]] for part in cell.regularisers]
    modules = [*STAGES["search"], *STAGES["train"], *map(_module, entries)]
    return [*_files((*modules,), Path.cwd())]


def of_challenge(cell: Cell) -> list[str]:
    """Files that the challenge of one cell depends on: with what made its runs, those that load and ask them."""
    entries = [tasks.TASKS[cell.task], tunings.TUNINGS[cell.tuning["name"]]]
    return [*_files((*STAGES["challenge"], *map(_module, entries)), Path.cwd())]


def of_all(stage: str) -> list[str]:
    """Files of a stage with every registry entry, as DVC's stages list them."""
    registries = {
        "prepare": [_module(entry) for entry in sources.READERS.values()],
        "augment": [_module(entry) for entry in augment.TECHNIQUES.values()],
        "tokenize": [_module(entry) for entry in tasks.TASKS.values()],
        "teach": [_module(entry) for entry in TEACHING.values()],
        "ensemble": [_module(entry) for entry in COMBINING.values()],
        "evaluate": [_module(entry) for entry in tasks.TASKS.values()],
    }
    if stage in ("search", "train"):
        used = (tasks.TASKS, tunings.TUNINGS, adversarial.ADVERSARIAL, regularisers.ALL)
        entries = [entry for registry in used for entry in registry.values()]
        return [*_files((*STAGES["search"], *STAGES["train"], *map(_module, entries)), Path.cwd())]
    if stage == "challenge":
        entries = [*tasks.TASKS.values(), *tunings.TUNINGS.values()]
        return [*_files((*STAGES["challenge"], *map(_module, entries)), Path.cwd())]
    return [*_files((*STAGES[stage], *registries.get(stage, [])), Path.cwd())]


def listing(sources: Sequence[str], *, write: bool = True) -> str:
    """File that holds the sha256 of some source files: one input of a job, where they would be a hundred.

    Snakemake's scheduler looks at every input of every job that is ready, again and again. The file is named after the
    paths and written when its content differs; where `write` is false, only when it is not there.
    """
    return _listing(tuple(sources), Path.cwd(), write)


@cache
def _listing(sources: tuple[str, ...], here: Path, write: bool) -> str:
    name = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
    path = LISTINGS / f"{name}.json"
    if write or not (here / path).exists():
        content = {source: _sha256(here / source) for source in sources}
        files.write_if_changed(here / path, json.dumps(content, indent=2) + "\n")
    return path.as_posix()


@cache
def _sha256(path: Path) -> str:
    return files.sha256(path)


def _entry(stage: str, part: str) -> str:
    if stage == "prepare":
        return f"tuneproof.prepare.sources.{part}"
    registries = {"augment": augment.TECHNIQUES, "ensemble": COMBINING, "teach": TEACHING}
    return _module(registries.get(stage, tasks.TASKS)[part])


def _module(entry: str) -> str:
    return entry.partition(":")[0]


@cache
def _files(modules: tuple[str, ...], here: Path) -> tuple[str, ...]:
    """Files of some modules, shown relative to `here`; a large experiment asks for the same ones for every job."""
    found: dict[Path, None] = {}
    for module in modules:
        for path in _closure(module):
            found[path] = None
    shown = [path.relative_to(here) if path.is_relative_to(here) else path for path in found]
    return tuple(sorted(path.as_posix() for path in shown))


@cache
def _closure(module: str) -> tuple[Path, ...]:
    """Files of a module, of its packages and of all it imports from this project."""
    found: dict[Path, None] = {}
    waiting = [module]
    while waiting:
        path = _path(waiting.pop())
        if path is None or path in found:
            continue
        found[path] = None
        waiting.extend(_imports(path))
    templates = PACKAGE / "report" / "templates"
    if module.startswith("tuneproof.report"):
        found.update(dict.fromkeys(sorted(path for path in templates.rglob("*") if path.is_file())))
    return tuple(path for path in found if path.stat().st_size > 0)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Names of this project's modules that a file imports at run time, anywhere in it."""
    names: list[str] = []
    for node in _runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(name for name in names if name == "tuneproof" or name.startswith("tuneproof."))


def _runtime_nodes(node: ast.AST) -> list[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING:`."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        found.append(child)
        found.extend(_runtime_nodes(child))
    return found


def _path(module: str) -> Path | None:
    """File of a module of this project, or None (a name in a module, another package)."""
    base = PACKAGE.parent.joinpath(*module.split("."))
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None
