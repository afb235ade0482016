"""What the Snakefile asks about an experiment: which params file counts, and which local files it reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, params, strict_yaml
from tuneproof.errors import ParamsError
from tuneproof.origins import FileSource, LocalModel, tracked
from tuneproof.params import Params

if TYPE_CHECKING:
    from tuneproof.dataset import Dataset

DEFAULT = Path("params.yaml")


def from_snakemake(config: dict[str, Any], configfiles: list[Any]) -> Params:
    """The checked experiment: `--configfile X` replaces params.yaml, `--config key=value` changes single keys.

    Raises `ParamsError` with a line for each mistake, and for each local file that is not there.
    """
    if configfiles:
        where = os.path.relpath(configfiles[-1])
        found = params.check(dict(config), where=where)
    elif config:
        params.load(DEFAULT)  # a mistake in the file is reported as the file's
        where = f"{DEFAULT} with --config"
        found = params.check({**strict_yaml.read(DEFAULT), **config}, where=where)
    else:
        where = str(DEFAULT)
        found = params.load(DEFAULT)
    require_files(found, where=where)
    return found


def require_files(experiment: Params, *, where: Path | str) -> None:
    """Raises `ParamsError` with a line for each file or folder of the user's own that is not there.

    A file that the last `fetch` has seen may be gone: its results can have come from DVC's remote without it.
    """
    root = Path(experiment.results) / "fetch"
    lines = []
    for name, dataset in experiment.datasets.items():
        lines += [
            f"{where}: datasets.{name}.source.path: file not found: {path}{tracked(Path(path))}"
            for path in _named(dataset.source)
            if not Path(path).exists() and not _known(root / "data" / f"{name}.json", path)
        ]
    for name, model in experiment.models.items():
        manifest = root / "models" / f"{name}.json"
        if isinstance(model, LocalModel) and not Path(model.path).is_dir() and not _known(manifest, model.path):
            lines.append(f"{where}: models.{name}.path: folder not found: {model.path}")
    if lines:
        raise ParamsError(lines)


def _known(manifest: Path, origin: str) -> bool:
    """Whether a manifest of `fetch` was made of this file or folder."""
    if not manifest.is_file():
        return False
    content = files.read_json(manifest)
    entries = [entry for entry in content["files"].values() if isinstance(entry, dict)]  # a model's are hashes
    return origin in [content.get("origin"), *(entry["origin"] for entry in entries)]


def _named(source: Any) -> list[str]:
    """Files and folders that a source names; empty for packages and the hub."""
    if not isinstance(source, FileSource):
        return []
    return list(source.path.values()) if isinstance(source.path, dict) else [source.path]


def _below(folder: Path) -> list[str]:
    from tuneproof.prepare.sources.folder import listed

    return [str(path) for path in listed(folder)]


def local_files(origin: Any) -> list[str]:
    """Files of the user's own that a data source or model reads in place; empty for packages and the hub."""
    if isinstance(origin, FileSource):
        paths = [(path, Path(path)) for path in _named(origin)]
        return [file for name, path in paths for file in (_below(path) if path.is_dir() else [name])]
    if isinstance(origin, LocalModel):
        return [str(path) for path in sorted(Path(origin.path).glob("*")) if path.is_file()]
    return []


def reader(dataset: Dataset) -> str:
    """Name of the module in `prepare/sources` that reads the data set."""
    return "hub" if dataset.format is None else dataset.format.kind
