"""Results as the report's tests make them up, and a command as a user types it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuneproof import cli, files

_spec = importlib.util.spec_from_file_location("report_results", Path(__file__).parents[1] / "report" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
write_results, made = _module.write_results, _module.made


@pytest.fixture
def results(write_results: Any) -> Path:
    """Results of two data sets with seven methods, and the settings that the Snakefile would write."""
    settings, folder = write_results()
    settings.setdefault("evaluation", {"confidence": 0.95})
    files.write_json(folder / "settings" / "report.json", settings)
    return folder


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """`typed("show", …)`: exit code, standard output and standard error of a command."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("TUNEPROOF_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run_here([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run
