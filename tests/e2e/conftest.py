"""A fresh copy of the project with the tiny experiment as its params.yaml, and ways to run things in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


class Project:
    """A git clone with everything that git tracks or would track, and the cache of downloads of the real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = self._git("ls-files", "--cached", "--others", "--exclude-standard", at=ROOT)
        for name in listed.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
        (ROOT / "data").mkdir(exist_ok=True)
        (folder / "data").symlink_to(ROOT / "data")
        experiment = yaml.safe_load((ROOT / "experiments/tiny.yaml").read_text())
        experiment["results"] = "results"
        self.write(experiment)
        self._git("init", "-q")
        self.commit("start")

    def write(self, experiment: dict[str, Any]) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))

    def params(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "params.yaml").read_text())

    def commit(self, message: str) -> None:
        self._git("add", "-A")
        self._git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", message)

    def command(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder / "src"), "DVC_NO_ANALYTICS": "1"}

    def run(self, *words: str, code: int = 0) -> str:
        process = self.command(*words)
        output, _ = process.communicate(timeout=500)
        assert process.returncode == code, output
        return output

    def snakemake(self, *words: str, code: int = 0) -> str:
        return self.run("snakemake", "--cores", "2", *words, code=code)

    def jobs(self) -> dict[str, int]:
        """What `snakemake -n` would run: rule → number of jobs."""
        output = self.run("snakemake", "-n", "--quiet", "rules")
        counts = {}
        for line in output.splitlines():
            words = line.split()
            if len(words) == 2 and words[1].isdigit():
                counts[words[0]] = int(words[1])
        counts.pop("total", None)
        return counts

    def digest(self) -> str:
        return self.run("tuneproof", "digest")

    def _git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(["git", *words], cwd=at or self.folder, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after one undisturbed `snakemake --cores 2`; tests copy it before they change it."""
    project = Project(tmp_path_factory.mktemp("finished"))
    project.snakemake()
    project.commit("first results")
    return project


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, time stamps and all, that a test may spoil."""
    again = Project.__new__(Project)
    again.folder = tmp_path / "copy"
    shutil.copytree(finished.folder, again.folder, symlinks=True)
    return again
