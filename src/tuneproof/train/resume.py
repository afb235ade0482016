"""The state of a fit on disk, from which a killed fit goes on.

A state is one safetensors file: tensors, and a JSON text with all that is not a tensor. It is written in one step,
its name says what the fit is made of, and it carries a sha256 of its content: a state of other inputs, or a broken
one, is never believed. On a CPU the resumed fit ends as the undisturbed one, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from tuneproof import files
from tuneproof.train import device as devices

if TYPE_CHECKING:
    from tuneproof.cell import Cell

log = logging.getLogger(__name__)

SECONDS = 60.0
"""Default time between two states: what a kill can cost."""
SHARE = 0.05
"""Saving takes at most about this share of a fit's time, however large the model is."""
PACKAGES = ("torch", "transformers", "peft")

Tensors = dict[str, torch.Tensor]


class State(NamedTuple):
    """All that a fit changes while it runs."""

    tensors: dict[str, Tensors]
    """Group (parameters, optimizer, …) → name → tensor."""
    values: dict[str, Any]
    """What JSON can hold."""


class Resume:
    """Keeps the state of one fit in `folder`, at most every `seconds`; `identity` tells fits apart, see below."""

    def __init__(self, folder: Path, name: str, identity: str, *, seconds: float = SECONDS) -> None:
        self.folder, self.name, self.identity, self.seconds = folder, name, identity, seconds
        self.path = folder / f"{name}-{identity[:16]}.safetensors"
        self.due = time.monotonic() + seconds

    def save(self, state: Callable[[], State]) -> None:
        """Write the state where it is time to; it is not asked for otherwise."""
        start = time.monotonic()
        if start < self.due:
            return
        write(self.path, self.identity, state())
        now = time.monotonic()
        self.due = now + (max(self.seconds, (now - start) / SHARE) if self.seconds > 0 else 0.0)

    def load(self) -> State | None:
        """The state that a killed fit of the same identity left, or None where there is none to be believed."""
        for other in self._all():
            if other != self.path:
                log.info(f"{other}: state of a fit with other inputs or code, ignored")
        if not self.path.exists():
            return None
        try:
            return read(self.path, self.identity)
        except BrokenStateError as error:
            log.warning(f"{self.path}: {error}; ignored, the fit starts from its beginning")
            return None

    def clear(self) -> None:
        """Remove all states of this fit, half-written ones too: it is done."""
        for path in (*self._all(), *self.folder.glob(f".{self.name}-*{files.PART}")):
            path.unlink(missing_ok=True)

    def _all(self) -> Iterator[Path]:
        return self.folder.glob(f"{self.name}-{'[0-9a-f]' * 16}.safetensors")


class BrokenStateError(Exception):
    """A state that is not as it was written."""


def identity(cell: Cell, *parts: str | float) -> str:
    """One digest of what a fit's bits depend on: the parts given (digests of its inputs, rates, seed), and where it
    runs: device, precision, threads, versions."""
    where = devices.pick_device(cell.training.device)
    precision = devices.pick_precision(cell.training.precision, where)
    runs_on = [where.type, precision, torch.get_num_threads(), *(version(name) for name in PACKAGES)]
    return hashlib.sha256(json.dumps([*parts, *runs_on]).encode()).hexdigest()


# files


def write(path: Path, identity: str, state: State) -> None:
    """Write one file, complete or not at all."""
    from safetensors.torch import save_file

    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, members in state.tensors.items()
        for name, tensor in members.items()
    }
    text = json.dumps({"identity": identity, "groups": [*state.tensors], "values": state.values})
    with files.replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"state": text, "sha256": digest(tensors, text)})


def read(path: Path, identity: str) -> State:
    """Read what `write` wrote. Raises `BrokenStateError` where the file is damaged or is another fit's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            flat = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BrokenStateError(f"not a readable safetensors file ({error})") from None
    text = metadata.get("state", "")
    if metadata.get("sha256") != digest(flat, text):
        raise BrokenStateError("its content is not what was written")
    content = json.loads(text)
    if content["identity"] != identity:
        raise BrokenStateError("it is another fit's")
    tensors: dict[str, Tensors] = {group: {} for group in content["groups"]}
    for key, tensor in flat.items():
        group, _, name = key.partition("/")
        tensors[group][name] = tensor
    return State(tensors, content["values"])


def digest(tensors: Tensors, text: str) -> str:
    """sha256 of names, bytes and text."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


# parts of a state


def optimizer_state(optimizer: torch.optim.Optimizer) -> Tensors:
    """What the optimizer remembers of each parameter, as `number/name`; its settings are the fit's own."""
    return {
        f"{number}/{name}": value
        for number, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put back what `optimizer_state` gave."""
    state: dict[int, Tensors] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def random_state(device: torch.device) -> Tensors:
    """State of torch's generators that dropout on `device` draws from."""
    if device.type == "cuda":
        return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(device)}
    if device.type == "mps":
        return {"cpu": torch.get_rng_state(), "mps": torch.mps.get_rng_state()}
    return {"cpu": torch.get_rng_state()}


def restore_random(device: torch.device, tensors: Tensors) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(tensors["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(tensors["mps"])
