"""What DVC knows: the md5 under which it keeps each file of the results."""

from __future__ import annotations

from pathlib import Path


def hashes(results: Path) -> dict[str, str]:
    """Path → md5 of each result as dvc.lock has it; empty where the folder is not DVC's.

    Files of a folder are listed by DVC's cache; where the cache lacks the list (a clone before `dvc pull`), only the
    folder itself is in the answer.
    """
    if not Path(".dvc").is_dir() or not Path("dvc.lock").is_file():
        return {}
    from dvc.repo import Repo

    found: dict[str, str] = {}
    with Repo() as repo:
        for out in repo.index.outs:
            folder = Path(out.fs_path).relative_to(Path.cwd())
            if out.hash_info is None or results not in folder.parents:
                continue
            found[folder.as_posix()] = out.hash_info.value
            listed = out.get_obj()
            for parts, _, info in listed or ():
                found[folder.joinpath(*parts).as_posix()] = info.value
    return found
