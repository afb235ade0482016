"""Which command made a step of the chain, from what: what both exports are written from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tuneproof.trace.chain import Chain, File, Node

COMMANDS = {
    "raw source": "fetch",
    "model": "fetch",
    "prepared": "prepare",
    "augmented": "augment",
    "tokens": "tokenize",
    "search": "search",
    "checkpoint": "train",
    "predictions": "train",
    "teacher": "teach",
    "challenge": "challenge",
    **dict.fromkeys(("robustness", "checks", "transfer", "attack", "forgetting"), "evaluate"),
    "ensemble": "ensemble",
    "scores": "evaluate",
    "metric": "report",
}
"""Kind of a step → the command that makes it."""


class Step(NamedTuple):
    """One piece of work: a command that read some files and wrote others."""

    node: Node
    command: str
    read: list[File]
    wrote: list[File]
    code: dict[str, Any] | None
    """Commit, diff and hashes of source files, for fits."""


def steps(chain: Chain, root: Path) -> Iterator[Step]:
    """All steps that a command made, sources first. `root` is the results folder: settings below it are read."""
    settings = root / "settings"
    for node in chain.nodes.values():
        if node.kind not in COMMANDS:
            continue
        read = [file for file in node.files if settings in file.path.parents]
        for key in dict.fromkeys(node.sources):
            read += chain.nodes[key].files
        wrote = [file for file in node.files if settings not in file.path.parents]
        code = next((chain.nodes[key].facts for key in node.sources if chain.nodes[key].kind == "code"), None)
        yield Step(node, COMMANDS[node.kind], _present(read), _present(wrote), code)


def _present(files: list[File]) -> list[File]:
    """Each file once, and only those that are there."""
    return list({file.path: file for file in files if file.sha256 is not None}.values())
