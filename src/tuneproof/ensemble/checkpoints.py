"""Means of checkpoints, and what the model of one answers.

A checkpoint's tensors are averaged by name; what describes the model (its configuration) must be the same in all.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files
from tuneproof.errors import MethodError

if TYPE_CHECKING:
    import torch

    from tuneproof.ensemble.base import Columns, Members

META = "tuneproof.json"
OWN = ("seed", "steps")
"""Entries of a checkpoint's `tuneproof.json` in which runs of one method may differ."""


def write_mean(folders: list[Path], out: Path) -> None:
    """Write the mean of some checkpoints as a checkpoint: it is complete or absent.

    Floating-point tensors are summed in float64, in the order given, and come back in their own type. Raises
    `MethodError` where the checkpoints are not of one model, `TuneproofError` where a file is damaged.
    """
    names = {folder: _names(folder) for folder in folders}
    first = folders[0]
    for folder in folders[1:]:
        if names[folder] != names[first]:
            differ = ", ".join(sorted(set(names[folder]) ^ set(names[first]))[:3])
            raise MethodError(f"the members' checkpoints do not hold the same files ({differ}): there is no mean")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=files.PART))
    try:
        for name in names[first]:
            _write_mean_of(name, folders, temporary / name)
        if out.exists():
            shutil.rmtree(out)
        temporary.chmod(0o755)
        temporary.rename(out)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def answers(members: Members, folder: Path, splits: tuple[str, ...]) -> dict[str, Columns]:
    """What the model of a checkpoint answers, in the order of the members' answers.

    In the precision, with the threads and on the kind of device of the first member.
    """
    import torch

    from tuneproof.train import checkpoint, device
    from tuneproof.train.batches import Tokens
    from tuneproof.train.predict import predict

    stored = members.stored
    if stored is None:
        raise ValueError("the members' checkpoints are not known")
    about = files.read_json(stored.runs[members.names[0]] / "run.json")
    device.make_repeatable(about["threads"])
    model, task, labels = checkpoint.load(folder, stored.model)
    torch.nn.Module.to(model, device.pick_device("cpu" if about["device"] == "cpu" else "auto"))
    found: dict[str, Columns] = {}
    for split in splits:
        tokens = Tokens.read(stored.tokens / f"{split}.parquet")
        frame = predict(model, task, tokens, labels, precision=about["precision"]).frame.set_index("id")
        frame = frame.loc[members.answers[split][0]["id"]]
        found[split] = {str(name): list(frame[name]) for name in frame.columns}
    return found


def _names(folder: Path) -> list[str]:
    """Files of a checkpoint, by relative name, sorted."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in found if not name.startswith("."))


def _write_mean_of(name: str, folders: list[Path], out: Path) -> None:
    from tuneproof.tunings import weights

    out.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".safetensors"):
        weights.write(out, mean_of([weights.read(folder / name) for folder in folders], name))
        return
    if not name.endswith(".json"):
        raise MethodError(f"the members' checkpoints hold {name}, which has no mean")
    contents = [files.read_json(folder / name) for folder in folders]
    if name == META:
        contents = [{key: None if key in OWN else value for key, value in content.items()} for content in contents]
    if any(content != contents[0] for content in contents):
        keys = [key for key in contents[0] if any(content.get(key) != contents[0][key] for content in contents)]
        raise MethodError(
            f"the members' {name} differ{f' in {keys[0]}' if keys else ''}: their weights are not of one model"
        )
    files.write_json(out, contents[0])


def mean_of(tensors: list[dict[str, torch.Tensor]], name: str) -> dict[str, torch.Tensor]:
    """The mean of each tensor; `name` is the file that an error names. Whole numbers must be the same in all.

    Raises `MethodError` where names or shapes differ, or whole numbers do.
    """
    import torch

    first = tensors[0]
    if any(
        {key: value.shape for key, value in other.items()} != {key: value.shape for key, value in first.items()}
        for other in tensors[1:]
    ):
        raise MethodError(f"the members' {name} do not hold tensors of the same names and shapes: there is no mean")
    found = {}
    for key, value in first.items():
        if value.is_floating_point():
            total = sum((other[key].double() for other in tensors), torch.zeros_like(value, dtype=torch.float64))
            found[key] = (total / len(tensors)).to(value.dtype)
        elif all(torch.equal(value, other[key]) for other in tensors):
            found[key] = value
        else:
            raise MethodError(f"the members' {name} differ in {key}, which holds whole numbers: there is no mean")
    return found
