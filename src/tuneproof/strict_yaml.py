"""Reads a YAML file of the user's as plain values; whatever is wrong with it is one `ParamsError` line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tuneproof.errors import ParamsError


def read(path: Path) -> Any:
    """The content; None for an empty file."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506, it is a SafeLoader
    except FileNotFoundError:
        problem = "file not found"
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except yaml.YAMLError as error:
        problem = f"not valid YAML ({_one_line(error)})"
    except RecursionError:
        problem = "nested too deeply"
    raise ParamsError([f"{path}: {problem}; allowed: a params file in YAML"])


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return where + " ".join(str(getattr(error, "problem", None) or error).split())


class _Loader(yaml.SafeLoader):
    """YAML with two surprises less: a repeated key is a mistake, and 1e-5 is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key} stands twice", key_node.start_mark)
            if key not in (None, "<<"):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError, TypeError):  # 2024-13-01, !!bool maybe
            raise yaml.constructor.ConstructorError(None, None, "not a value of its type", node.start_mark) from None


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
