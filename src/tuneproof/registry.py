"""Plain dict registries: name → `module:Class`, imported only when an entry is used.

A registry holds strings, so that reading params costs no heavy import, and a stage's code (see `code.py`) counts
only the entries that it really uses.
"""

from __future__ import annotations

import importlib
from typing import Any


def load(registry: dict[str, str], name: str) -> Any:
    """Import the class behind `name`. Raises KeyError for an unknown name."""
    module, _, attribute = registry[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(registry: dict[str, str], declared: dict[str, Any]) -> Any:
    """The entry that `{name, **options}` declares."""
    return load(registry, declared["name"])(**{key: value for key, value in declared.items() if key != "name"})
