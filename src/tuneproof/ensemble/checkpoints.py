"""Means of checkpoints, and what the model of one answers.

A checkpoint's tensors are averaged by name; what describes the model (its configuration) must be the same in all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof import files
from tuneproof.errors import DataError, MethodError

if TYPE_CHECKING:
    import torch

    from tuneproof.ensemble.base import Columns, Members

META = "tuneproof.json"
OWN = ("seed", "steps")
"""Entries of a checkpoint's `tuneproof.json` in which runs of one method may differ."""


def write_mean(folders: list[Path], out: Path) -> None:
    """Write the mean of some checkpoints as a checkpoint: it is complete or absent.

    Floating-point tensors are summed in float64, in the order given, and come back in their own type. Raises
    `MethodError` where the checkpoints are not of one model, `TuneproofError` where a file is missing or damaged.
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
    path = stored.runs[members.names[0]] / "run.json"
    about = files.read_json(path)
    try:
        threads, kind, precision = about["threads"], about["device"], about["precision"]
    except KeyError as error:
        raise DataError(f"{path}: {error} is missing; delete the run's folder and run again") from None
    device.make_repeatable(threads)
    model, task, labels = checkpoint.load(folder, stored.model)
    torch.nn.Module.to(model, device.pick_device("cpu" if kind == "cpu" else "auto"))
    found: dict[str, Columns] = {}
    for split in splits:
        tokens = Tokens.read(stored.tokens / f"{split}.parquet")
        frame = predict(model, task, tokens, labels, precision=precision).frame.set_index("id")
        frame = frame.loc[members.answers[split][0]["id"]]
        found[split] = {str(name): list(frame[name]) for name in frame.columns}
    return found


def _names(folder: Path) -> list[str]:
    """Files of a checkpoint, by relative name, sorted. Raises `DataError` where it is not there."""
    if not (folder / META).is_file():
        raise DataError(f"{folder / META}: file not found; delete the run's manifest.json and run again")
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in found if not name.startswith("."))


def _write_mean_of(name: str, folders: list[Path], out: Path) -> None:
    from tuneproof.tunings import weights

    out.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".safetensors"):
        weights.write(out, mean_of((weights.read(folder / name) for folder in folders), name))
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


def mean_of(checkpoints: Iterable[dict[str, torch.Tensor]], name: str) -> dict[str, torch.Tensor]:
    """The mean of each tensor of some checkpoints, which may be read one by one; `name` is the file that errors name.

    Whole numbers must be the same in all. Raises `MethodError` where they are not, or where names or shapes differ.
    """
    import torch

    others = iter(checkpoints)
    first = next(others)
    totals = {key: value.double() if value.is_floating_point() else value for key, value in first.items()}
    count = 1
    for other in others:
        count += 1
        if {key: value.shape for key, value in other.items()} != {key: value.shape for key, value in first.items()}:
            raise MethodError(f"the members' {name} do not hold tensors of the same names and shapes: there is no mean")
        for key, value in other.items():
            if value.is_floating_point():
                totals[key] = totals[key] + value.double()
            elif not torch.equal(value, totals[key]):
                raise MethodError(f"the members' {name} differ in {key}, which holds whole numbers: there is no mean")
    return {
        key: (total / count).to(first[key].dtype) if total.is_floating_point() else total
        for key, total in totals.items()
    }
