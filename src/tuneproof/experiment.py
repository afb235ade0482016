"""What the Snakefile asks about an experiment: which params file counts, and which local files it reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tuneproof import params
from tuneproof.params import FileSource, LocalModel, Params

if TYPE_CHECKING:
    from tuneproof.params import Dataset

DEFAULT = Path("params.yaml")


def from_snakemake(config: dict[str, Any], configfiles: list[Any]) -> Params:
    """The checked experiment: `--configfile X` replaces params.yaml, `--config key=value` changes single keys.

    Raises `ParamsError` with a line for each mistake.
    """
    if configfiles:
        return params.check(dict(config), where=str(configfiles[-1]))
    if not config:
        return params.load(DEFAULT)
    params.load(DEFAULT)  # a mistake in the file is reported as the file's
    content = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    return params.check({**content, **config}, where=f"{DEFAULT} with --config")


def local_files(origin: Any) -> list[str]:
    """Files of the user's own that a data source or model reads in place; empty for packages and the hub."""
    if isinstance(origin, FileSource):
        return list(origin.path.values()) if isinstance(origin.path, dict) else [origin.path]
    if isinstance(origin, LocalModel):
        return [str(path) for path in sorted(Path(origin.path).glob("*")) if path.is_file()]
    return []


def reader(dataset: Dataset) -> str:
    """Name of the module in `prepare/sources` that reads the data set."""
    return "hub" if dataset.format is None else dataset.format.kind
