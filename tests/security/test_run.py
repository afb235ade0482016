"""A whole run with secrets in its environment and hostile text in its data: neither gets where it does not belong."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECRETS = {
    name: f"planted-{name.lower()}-4b1d"
    for name in (
        "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD", "DVC_STUDIO_TOKEN", "GITHUB_TOKEN", "GIT_TOKEN", "OPENAI_API_KEY",
        "DB_PASSWORD", "SECRET",
    )
}  # fmt: skip
PASSWORD = "-".join(["planted", "index", "password"])  # never whole in this file, which the project's copy holds
INDEX = f"https://user:{PASSWORD}@localhost/simple"
SCRIPT = "<script>window.owned=1</script>"
FORMULAS = ("=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1")
HOSTILE = [
    SCRIPT,
    *FORMULAS,
    "</script><img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    "${jndi:ldap://x}",
    "\x1b[2J",
    "\u202e",
]
LABELS = ("=1+1", SCRIPT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path], Any]) -> Any:
    """A finished run on hostile texts and labels, with secrets in the environment."""
    made = new_project(tmp_path_factory.mktemp("hostile"))
    with (made.folder / "toy.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(60):
            writer.writerow([f"{HOSTILE[i % len(HOSTILE)]} number {i}", LABELS[i % 2]])
    experiment = made.params()
    experiment["datasets"] = {
        "toy": {
            "task": "classification", "source": {"path": "toy.csv"}, "format": {"kind": "csv"},
            "split": {"validation": 10, "test": 10}, "max_length": 16, "licence": SCRIPT, "citation": SCRIPT,
        }
    }  # fmt: skip
    experiment["methods"] = {"probe": {"tuning": "probe"}}
    experiment |= {"augmentations": {}, "seeds": [0, 1], "search": {"trials": 1}, "report": {"title": SCRIPT}}
    experiment["ensembles"] = {"all": {"members": ["*"]}}
    made.write(experiment)
    made.commit("hostile")
    plain = made.environment
    made.environment = lambda: {**plain(), **SECRETS, "TUNEPROOF_TRACK": "dvclive", "PIP_INDEX_URL": INDEX}
    made.snakemake()
    return made


def written(project: Any) -> list[Path]:
    """Every file that the run left in the project, caches of Snakemake and DVC included."""
    found = []
    for folder, names, files in os.walk(project.folder):
        names[:] = [name for name in names if not (Path(folder) / name).is_symlink()]
        found += [Path(folder) / name for name in files]
    return [path for path in found if path.is_file()]


def test_secrets_are_in_no_file(project: Any) -> None:
    paths = written(project)
    kinds = {path.relative_to(project.folder).parts[0] for path in paths}
    assert {"results", "logs", ".snakemake", ".dvc", "dvc.lock", "tracking"} <= kinds
    needles = [*(value.encode() for value in SECRETS.values()), PASSWORD.encode()]
    for path in paths:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path


def test_secrets_are_not_printed(project: Any) -> None:
    for words in (["check"], ["digest"], ["--debug", "check", "nothing.yaml"]):
        output = project.run("tuneproof", *words, code=2 if "--debug" in words else 0)
        assert "planted" not in output


def test_a_failed_download_does_not_show_the_index_password(project: Any) -> None:
    settings = {
        "name": "m", "model": {"package": "tuneproof-nothing==1.0", "sha256": "0" * 64, "folder": "m"}
    }  # fmt: skip
    (project.folder / "s.json").write_text(json.dumps(settings))
    words = ["fetch", "--settings", "s.json", "--out", "out.json", "--cache", "cache"]
    output = project.run("env", "PIP_RETRIES=0", "PIP_CONFIG_FILE=/dev/null", "tuneproof", *words, code=1)
    assert "tuneproof-nothing==1.0: pip could not download the wheel" in output
    assert "planted" not in output


def test_tables_for_people_hold_no_formula(project: Any) -> None:
    """Cells are names, which params check, numbers, and sentences of our own: none starts like a formula."""
    tables = sorted((project.folder / "results").rglob("*.csv"))
    assert {path.name for path in tables} >= {
        "leaderboard.csv",
        "scores.csv",
        "comparisons.csv",
        "history.csv",
        "trials.csv",
    }
    for path in tables:
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        for cell in cells:
            number = re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?|nan|-?inf", cell, re.IGNORECASE)
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), f"{path}: {cell!r}"


def test_the_page_shows_hostile_text_and_runs_none(project: Any) -> None:
    page = (project.folder / "results/report/index.html").read_text(encoding="utf-8")
    assert SCRIPT not in page
    assert "&lt;script&gt;window.owned=1&lt;/script&gt;" in page
    assert "default-src &#39;none&#39;" in page
    scripts = re.findall(r"<script\b[^>]*>", re.sub(r"(?s)(<script\b[^>]*>).*?</script>", r"\1", page))
    assert scripts.count("<script>") == 1  # the page's own; the charts' library is text until a chart is drawn
    assert scripts.count('<script type="text/plain" id="library">') == 1
    data = [script for script in scripts if script not in ("<script>", '<script type="text/plain" id="library">')]
    assert all(re.fullmatch(r'<script type="application/json" id="[\w-]+">', script) for script in data)


def test_logs_hold_no_control_characters(project: Any) -> None:
    for path in (project.folder / "logs").rglob("*.log"):
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", path.read_text(encoding="utf-8")), path


def test_what_is_written_is_not_for_others_to_change(project: Any) -> None:
    for path in (project.folder / "results").rglob("*"):
        assert not path.stat().st_mode & stat.S_IWOTH, path


def test_the_worker_s_folder_is_private() -> None:
    from tuneproof import worker

    folder = worker.socket_path("0").parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_worker_s_folder_open_to_others_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever could put a socket there would get the environment of our jobs, tokens included."""
    import tempfile

    from tuneproof import worker

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"tuneproof-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to another user or is open to others; remove it"):
        worker.socket_path("0")
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        worker.socket_path("0")
