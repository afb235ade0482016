"""`dvc.lock` in conflict after a merge: the recipe of docs/reliability.md, as it stands there."""

import re
import shutil

import pytest
from dvc.repo import Repo

pytestmark = pytest.mark.slow


def git(project, *words, code=0):
    return project.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words, code=code)


def recipe(root):
    """The commands of the page, after the merge that is in conflict."""
    page = (root / "docs/reliability.md").read_text()
    block = re.search(r"## After a merge.*?```sh\n(.*?)```", page, re.DOTALL)[1]
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("git merge")]


def test_a_merge_in_conflict(finished, root):
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copyfile(root / name, finished.folder / name)
    git(finished, "init", "-q", "-b", "main")
    Repo.init(str(finished.folder)).close()

    def run_with(change, message):
        params = finished.params()
        change(params)
        finished.write_params(params)
        finished.snakemake()
        git(finished, "add", "-A")
        git(finished, "commit", "-q", "-m", message)

    run_with(lambda params: params["evaluation"].update(bootstrap=101), "start")
    git(finished, "checkout", "-q", "-b", "other")
    run_with(lambda params: params["evaluation"].update(bootstrap=120), "other")
    git(finished, "checkout", "-q", "main")
    run_with(lambda params: params["report"].update(title="Another title"), "mine")
    assert "CONFLICT" in git(finished, "merge", "other", code=1)
    assert "<<<<<<<" in (finished.folder / "dvc.lock").read_text()
    for line in recipe(root):
        finished.run("bash", "-c", line.replace("git commit", "git -c user.name=t -c user.email=t@example.org commit"))
    assert finished.params()["evaluation"]["bootstrap"] == 120
    assert finished.params()["report"]["title"] == "Another title"
    assert "Another title" in (finished.results / "report/index.html").read_text()
    assert "up to date" in finished.run("dvc", "status")
    assert "<<<<<<<" not in git(finished, "show", "HEAD:dvc.lock")
    assert git(finished, "status", "--porcelain") == ""
