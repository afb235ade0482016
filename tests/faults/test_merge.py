"""`dvc.lock` in conflict after a merge: the recipe of docs/reliability.md, as it stands there."""

import re

import pytest

pytestmark = pytest.mark.slow


def recipe(root):
    """The commands of the page, after the merge that is in conflict."""
    page = (root / "docs/reliability.md").read_text()
    block = re.search(r"## After a merge.*?```sh\n(.*?)```", page, re.DOTALL)[1]
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("git merge")]


def test_a_merge_in_conflict(tracked, root):
    def run_with(change, message):
        params = tracked.params()
        change(params)
        tracked.write_params(params)
        tracked.snakemake()
        tracked.git("add", "-A")
        tracked.git("commit", "-q", "-m", message)

    run_with(lambda params: params["evaluation"].update(bootstrap=101), "start")
    tracked.git("checkout", "-q", "-b", "other")
    run_with(lambda params: params["evaluation"].update(bootstrap=120), "other")
    tracked.git("checkout", "-q", "main")
    run_with(lambda params: params["report"].update(title="Another title"), "mine")
    assert "CONFLICT" in tracked.git("merge", "other", code=1)
    assert "<<<<<<<" in (tracked.folder / "dvc.lock").read_text()
    for line in recipe(root):
        tracked.run("bash", "-c", line.replace("git commit", "git -c user.name=t -c user.email=t@example.org commit"))
    assert tracked.params()["evaluation"]["bootstrap"] == 120
    assert tracked.params()["report"]["title"] == "Another title"
    assert "Another title" in (tracked.results / "report/index.html").read_text()
    assert "up to date" in tracked.run("dvc", "status")
    assert "<<<<<<<" not in tracked.git("show", "HEAD:dvc.lock")
    assert tracked.git("status", "--porcelain") == ""
