"""Which configurations the installed peft has, and their options: read off its source, as importing it takes seconds.

peft keeps one folder a method, with the dataclass of its configuration in `config.py`, which names its type in a line
like `self.peft_type = PeftType.LORA`. A test compares what is read here with what peft says once it is imported.
"""

from __future__ import annotations

import ast
import importlib.util
import operator
from functools import cache, reduce
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from tuneproof import mistakes
from tuneproof.mistakes import Mistake, Mistakes

_TUPLE: Any = tuple
_DICT: Any = dict
_PLAIN: dict[str, Any] = {"bool": bool, "dict": dict[str, Any], "float": float, "int": int, "str": str}


REFUSED = {
    **dict.fromkeys(
        ("task_type", "peft_type", "inference_mode", "auto_mapping", "peft_version", "modules_to_save"),
        "it follows from the task and the type",
    ),
    **dict.fromkeys(("base_model_name_or_path", "revision"), "the model is chosen under `models`"),
    **dict.fromkeys(
        ("tokenizer_name_or_path", "tokenizer_kwargs", "prompt_tuning_init_state_dict_path", "adapters"),
        "a method reads no file that params do not list",
    ),
    **dict.fromkeys(("megatron_config", "megatron_core"), "a method imports no module by name"),
    **dict.fromkeys(("alora_invocation_tokens", "layer_replication"), "it is for decoders"),
    **dict.fromkeys(("use_qalora", "loftq_config"), "it is for quantised models"),
    "use_asa": "it needs a callback of another training loop",
}
"""Options that a user may not set → why."""
UNREPEATABLE = {
    **dict.fromkeys(("eva", "corda"), "it starts from data; the tuning lora knows eva"),
    "loftq": "it is for quantised models",
    "pissa_niter": "a randomised decomposition takes other parts out of the frozen weights on each load",
}
"""Starts of `init_lora_weights` that a configuration alone cannot repeat → why."""


@cache
def types() -> dict[str, ast.ClassDef]:
    """Type of method, as in `LORA` → its configuration's class."""
    return {kind: node for node in _classes().values() if (kind := _kind(node)) is not None}


@cache
def options(kind: str) -> type[BaseModel]:
    """A model of a type's options, all optional: it checks what is given; peft has the defaults.

    Options whose values could not be written in YAML (other configurations, functions) are left out, as are those of
    `REFUSED`. Raises KeyError for an unknown type.
    """
    hints = {name: hint for name, hint in _hints(types()[kind], _classes()).items() if name not in REFUSED}
    fields: dict[str, Any] = {name: (hint, None) for name, hint in hints.items()}
    return create_model(kind, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)


def check(kind: str, given: dict[str, Any]) -> None:
    """Raise `Mistakes` where given options are unknown, of another type or refused; paths start at the option."""
    refused = [
        Mistake((name,), f"found {mistakes.shown(given[name])}; not to be set: {REFUSED[name]}")
        for name in given
        if name in REFUSED
    ]
    start = given.get("init_lora_weights")
    reason = next(
        (why for part, why in UNREPEATABLE.items() if isinstance(start, str) and start.startswith(part)), None
    )
    if reason is not None:
        refused.append(Mistake(("init_lora_weights",), f"found {mistakes.shown(start)}; not to be set: {reason}"))
    if refused:
        raise Mistakes(refused)
    mistakes.check(options(kind), given)


@cache
def _classes() -> dict[str, ast.ClassDef]:
    """All classes of peft's configuration files by name."""
    found = importlib.util.find_spec("peft")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0])
    paths = [folder / "config.py", folder / "tuners" / "lycoris_utils.py", *sorted(folder.glob("tuners/*/config.py"))]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def _kind(node: ast.ClassDef) -> str | None:
    """What a configuration sets its `peft_type` to."""
    for part in ast.walk(node):
        match part:
            case ast.Assign(
                targets=[ast.Attribute(attr="peft_type")], value=ast.Attribute(value=ast.Name(id="PeftType"), attr=kind)
            ):
                return kind
    return None


def _hints(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, Any]:
    """Name → type hint of the dataclass's own and inherited fields, a subclass's above its base's."""
    found: dict[str, Any] = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found |= _hints(classes[base.id], classes)
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            found[part.target.id] = _hint(part.annotation)
    return {name: hint for name, hint in found.items() if hint != ()}


def _hint(node: ast.expr) -> Any:
    """The type that an annotation describes; () where no YAML value is of that type.

    Lists are tuples here, as in all checked params.
    """
    match node:
        case ast.Name(id=name):
            return _PLAIN.get(name, ())
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _hint(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, right=right):
            return _union(left, right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _union(inner, ast.Constant(None))
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=parts)):
            return _union(*parts)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=parts)):
            return Literal[tuple(ast.literal_eval(part) for part in parts)]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=part):
            return Literal[ast.literal_eval(part)]
        case ast.Subscript(value=ast.Name(id="list"), slice=part) if (inner := _hint(part)) != ():
            return _TUPLE[inner, ...]
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return _TUPLE[*map(_hint, parts)]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=parts)):
            return _DICT[*map(_hint, parts)]
    return ()


def _union(*parts: ast.expr) -> Any:
    """Whatever of the parts is a type of YAML's; () where that is None alone."""
    hints = [hint for hint in map(_hint, parts) if hint != ()]
    return () if hints in ([], [None]) else reduce(operator.or_, hints)
