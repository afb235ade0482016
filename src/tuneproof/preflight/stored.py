"""Speeds of this machine that were measured before, in `.tuneproof/calibration.json`.

`tuneproof plan` writes them, and so does each run from what its jobs took, so that the next run can say at once what
it will take. An entry counts for the settings and the machine that it was measured with, and for no others.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.cell import Cell
from tuneproof.errors import DataError
from tuneproof.params import Params
from tuneproof.preflight.estimate import Key, Sizes, Speed
from tuneproof.train import device

PLACE = Path(".tuneproof/calibration.json")


class Store:
    """What is known: `sizes` by data set and model, `speeds` by cell; each with a digest of what it is true of."""

    def __init__(self, place: Path = PLACE) -> None:
        self.place = place
        content: dict[str, Any] = {}
        if place.is_file():
            try:
                content = files.read_json(place)
            except DataError:
                content = {}  # cut off or damaged: it is measured again
        here = content if content.get("machine") == machine() else {}
        self._sizes: dict[str, list[Any]] = dict(here.get("sizes", {}))
        self._speeds: dict[str, list[Any]] = dict(here.get("speeds", {}))

    def sizes(self, params: Params, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sizes]:
        """Those of the pairs of data set and model that are known."""
        found = {}
        for pair in pairs:
            known = self._sizes.get("/".join(pair))
            if known is not None and known[0] == of_data(params, *pair):
                found[pair] = Sizes(*known[1])
        return found

    def speeds(self, cells: Iterable[Cell]) -> dict[Key, Speed]:
        """Those of the cells that were measured with the settings that they have now."""
        found = {}
        for cell in cells:
            known = self._speeds.get(f"{cell.dataset}/{cell.model}/{cell.method}")
            if known is not None and known[0] == of_cell(cell):
                found[cell.dataset, cell.model, cell.method] = Speed(*known[1])
        return found

    def add(
        self,
        params: Params,
        cells: Iterable[Cell],
        sizes: Mapping[tuple[str, str], Sizes],
        speeds: Mapping[Key, Speed],
    ) -> None:
        """Remember what was measured; what was only taken over from other cells is not."""
        for pair, some in sizes.items():
            self._sizes["/".join(pair)] = [of_data(params, *pair), list(some)]
        for cell in cells:
            speed = speeds.get((cell.dataset, cell.model, cell.method))
            if speed is not None and speed.measured:
                self._speeds[f"{cell.dataset}/{cell.model}/{cell.method}"] = [of_cell(cell), list(speed[:-1])]
        content = {"machine": machine(), "sizes": self._sizes, "speeds": self._speeds}
        files.write_json(self.place, content)


def machine() -> str:
    """What speeds depend on: processor, number of cores, whether there is an NVIDIA GPU."""
    gpu = ", gpu" if shutil.which("nvidia-smi") else ""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor()}, {platform.machine()}, {device.cores()} cores{gpu}"


def of_data(params: Params, dataset: str, model: str) -> str:
    """Digest of what the numbers of sub-tokens come from."""
    unasked = {"methods", "training", "licence", "citation"}
    declared = params.datasets[dataset].model_dump(mode="json", exclude=unasked, exclude_defaults=True)
    return _digest([declared, params.models[model].model_dump(mode="json", exclude_defaults=True)])


def of_cell(cell: Cell) -> str:
    """Digest of what the seconds a sub-token come from; how many epochs and trials there are is not among it."""
    unasked = {"epochs", "early_stopping", "weight_decay", "schedule"}
    training = cell.training.model_dump(mode="json", exclude=unasked, exclude_defaults=True)
    return _digest([cell.task, cell.tuning, cell.adversarial, cell.regularisers, training])


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
