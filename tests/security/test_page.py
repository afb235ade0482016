"""docs/security.md names a test for each line, and each is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "| threat |" not in line
]


def test_every_line_has_its_test() -> None:
    assert len(ROWS) > 20
    for threat, _, test in ROWS:
        names = re.findall(r"`([\w/]+)`", test)
        assert names, threat
        for name in names:
            places = [HERE / f"{name}.py", HERE.parents[1] / f"{name}.py", HERE.parents[1] / name]
            assert any(place.exists() for place in places), name


def test_every_file_of_tests_is_named() -> None:
    for path in HERE.glob("test_*.py"):
        assert f"`{path.stem}`" in PAGE or path.samefile(__file__), path.name
