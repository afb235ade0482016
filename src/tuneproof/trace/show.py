"""A chain for people (a tree) and for programs (JSON)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.trace.chain import Chain, File, Node

if TYPE_CHECKING:
    from rich.tree import Tree

WIDTH = 1000
"""Columns of a tree that goes into a file: nothing is cut."""
SHORT = 16
"""Digits of a sha256 that the tree shows; JSON has all of them."""


def as_json(chain: Chain, root: str) -> dict[str, Any]:
    """The graph: `metric` is the key of its first step, `steps` maps key → kind, name, facts, files, `made_from`."""
    return {"metric": root, "steps": {key: _step(node) for key, node in chain.nodes.items()}}


def as_tree(chain: Chain, root: str) -> Tree:
    """The graph as a tree; a step that stands further up already is named only."""
    from rich.tree import Tree

    seen: set[str] = set()

    def grow(parent: Tree, key: str) -> None:
        node = chain.nodes[key]
        if key in seen:
            parent.add(f"[dim]{_plain(key)}: see above[/dim]")
            return
        seen.add(key)
        branch = parent.add(f"[bold]{_plain(key)}[/bold]")
        fill(branch, node)

    def fill(branch: Tree, node: Node) -> None:
        for name, value in node.facts.items():
            if name != "diff" and value not in (None, {}, [], ""):
                branch.add(f"[dim]{name}:[/dim] {_plain(_short(name, value))}")
        for file in node.files:
            branch.add(_line(file))
        for source in node.sources:
            grow(branch, source)

    top = chain.nodes[root]
    tree = Tree(f"[bold]{_plain(top.key)}[/bold]", guide_style="dim")
    fill(tree, top)
    return tree


def _step(node: Node) -> dict[str, Any]:
    files = [
        {
            "path": file.path.as_posix(),
            "sha256": file.sha256,
            "recorded": file.recorded,
            "recorded_by": file.recorder,
            "dvc": file.dvc,
        }
        for file in node.files
    ]
    return {
        "kind": node.kind,
        "name": node.name,
        "facts": node.facts,
        "files": files,
        "made_from": list(dict.fromkeys(node.sources)),
    }


def _line(file: File) -> str:
    path = _plain(file.path.as_posix())
    if file.sha256 is None:
        return f"{path} [red]missing[/red]"
    dvc = f" [dim]dvc {file.dvc[:8]}[/dim]" if file.dvc else ""
    if file.changed and file.recorded:
        wrong = f"[red]changed: {file.recorder} has {file.recorded[:SHORT]}[/red]"
        return f"{path} [cyan]{file.sha256[:SHORT]}[/cyan] {wrong}{dvc}"
    return f"{path} [cyan]{file.sha256[:SHORT]}[/cyan]{dvc}"


def _short(name: str, value: Any) -> str:
    """A fact in one line; long lists by their number, which JSON spells out."""
    if name in ("files", "all packages"):
        return f"{len(value)}, each with its {'sha256' if name == 'files' else 'version'} (--json)"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short('', part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_short("", part) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Text out of data that is shown as it is, and not read as markup."""
    from rich.markup import escape

    return escape("".join(character if character.isprintable() else "�" for character in text))
