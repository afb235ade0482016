"""The tiniest experiment that passes through every stage, in copies that tests may break, and ways to break them.

`TUNEPROOF_KILLS` is how many kills `test_kills.py` and `test_handover.py` try each: a few by default, sixty in the full
form.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml
from dvc.repo import Repo

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PARTS = ("Snakefile", "workflow", "profiles", "src", "datasets")
MARK = "TUNEPROOF_FAULT_TEST"
"""Environment variable that all processes of a project have: the project's folder."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder carry the mark `faults`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("faults")


class Project:
    """A folder with everything that a run reads, and what was made there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results"

    def params(self) -> dict:
        return yaml.safe_load((self.folder / "params.yaml").read_text())

    def write_params(self, params: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNEPROOF")}
        mine = {"PATH": path, "PYTHONPATH": str(self.folder / "src"), MARK: str(self.folder), "DVC_NO_ANALYTICS": "1"}
        return {**kept, **mine, "TUNEPROOF_SAVE_EVERY": "0", **more}

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """A command in a process group of its own, as a shell would start it."""
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        process = self.start(*words, **variables)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def snakemake(self, *words: str, code: int = 0, **variables: str) -> str:
        return self.run("snakemake", "--cores", "2", *words, code=code, **variables)

    def git(self, *words: str, code: int = 0) -> str:
        return self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words, code=code)

    def digest(self) -> str:
        return self.run("tuneproof", "digest")

    def processes(self) -> list[psutil.Process]:
        """All living processes that belong to this project, in whatever group or session they are."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def left_after(self, seconds: float) -> list[str]:
        """Command lines of processes that are still there after so long; returns at once where none is left."""
        end = time.monotonic() + seconds
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        lines = []
        for process in self.processes():
            try:
                lines.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return lines

    def copy(self, folder: Path) -> Project:
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def errors() -> Callable[[str], list[str]]:
    """`errors(output)`: the lines that say what went wrong, each once."""

    def lines(output: str) -> list[str]:
        return list(dict.fromkeys(line.strip() for line in output.splitlines() if line.strip().startswith("error: ")))

    return lines


def experiment() -> dict:
    tiny = yaml.safe_load((ROOT / "experiments/tiny.yaml").read_text())
    dataset = {**tiny["datasets"]["tweet-ner"], "train_size": 32, "split": {"validation": 16, "test": 16}}
    return {
        **tiny,
        "results": "results",
        "datasets": {"tweet-ner": {**dataset, "max_length": 32}},
        "methods": {"lora": {"tuning": "lora"}, "probe-mention": {"tuning": "probe", "augment": "mention"}},
        "ensembles": {"all": {"members": ["*"]}},
        "training": {"epochs": 2, "batch_size": 8},
        "seeds": [0],
        "evaluation": {"bootstrap": 100},
    }


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project before its first run."""
    folder = tmp_path_factory.mktemp("template")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copyfile(source, folder / part)
    (ROOT / "data").mkdir(exist_ok=True)
    (folder / "data").symlink_to(ROOT / "data")
    project = Project(folder)
    project.write_params(experiment())
    return project


@pytest.fixture(scope="session")
def calm(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After one undisturbed run; `seconds` is how long it took."""
    project = template.copy(tmp_path_factory.mktemp("calm") / "project")
    start = time.monotonic()
    project.snakemake()
    project.seconds = time.monotonic() - start
    return project


@pytest.fixture
def fresh(template: Project, tmp_path: Path):
    """A copy that has not run yet. Whatever a test leaves running there is ended."""
    project = template.copy(tmp_path / "project")
    yield project
    for process in project.processes():
        process.send_signal(signal.SIGKILL)


@pytest.fixture
def finished(calm: Project, tmp_path: Path):
    """A copy of the finished project."""
    project = calm.copy(tmp_path / "project")
    yield project
    for process in project.processes():
        process.send_signal(signal.SIGKILL)


@pytest.fixture
def tracked(finished: Project) -> Project:
    """A copy of the finished project that git and DVC know, though DVC was told nothing yet."""
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copyfile(ROOT / name, finished.folder / name)
    finished.git("init", "-q", "-b", "main")
    Repo.init(str(finished.folder)).close()
    return finished
