"""Params out of a stranger's hands: nothing runs, and nothing outside the project is read or written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tuneproof import boundary, params
from tuneproof.errors import ParamsError

GOOD: dict[str, Any] = {
    "datasets": {"toy": {"task": "classification", "source": {"path": "toy.csv"}, "format": {"kind": "csv"}}},
    "models": {"mini": {"path": "models/mini"}},
    "methods": {"full": {"tuning": "full"}},
    "seeds": [0],
}


def refused(content: Any) -> str:
    with pytest.raises(ParamsError) as caught:
        params.check(content)
    (line,) = caught.value.lines
    return line


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [touch ran]",
        "!!python/object/new:subprocess.Popen [[touch, ran]]",
        "!!python/name:os.system",
        "!!python/module:antigravity",
        "!ruby/object:Gem::Requirement {}",
    ],
)
def test_yaml_tags_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"datasets: {tag}\n")
    with pytest.raises(ParamsError, match=r"not valid YAML .*could not determine a constructor"):
        params.load(Path("params.yaml"))
    assert not Path("ran").exists()


def test_aliases_of_aliases_do_not_unfold(tmp_path: Path) -> None:
    """Nine lines that stand for a billion values."""
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    (tmp_path / "params.yaml").write_text(text)
    start = time.monotonic()
    with pytest.raises(ParamsError, match="unfolds to more than 100,000 values; allowed: fewer aliases of aliases"):
        params.load(tmp_path / "params.yaml")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("path", ["/etc/passwd", "../toy.csv", "a/../../toy.csv", "~/../../../etc/passwd"])
def test_files_outside_the_project_are_refused(path: str) -> None:
    ending = f'found "{path}", outside the project; {params.OUTSIDE}'
    data = {**GOOD, "datasets": {"toy": {**GOOD["datasets"]["toy"], "source": {"path": path}}}}
    assert refused(data) == f"params.yaml: datasets.toy.source.path: {ending}"
    data = {**GOOD, "datasets": {"toy": {**GOOD["datasets"]["toy"], "source": {"path": {"train": "a", "test": path}}}}}
    assert refused(data) == f"params.yaml: datasets.toy.source.path.test: {ending}"
    assert refused({**GOOD, "models": {"mini": {"path": path}}}) == f"params.yaml: models.mini.path: {ending}"


def test_braces_which_snakemake_reads_are_refused() -> None:
    data = {**GOOD, "datasets": {"toy": {**GOOD["datasets"]["toy"], "source": {"path": "a{b}.csv"}}}}
    ending = 'found "a{b}.csv"; allowed: a path without braces'
    assert refused(data) == f"params.yaml: datasets.toy.source.path: {ending}"


def test_folders_that_the_environment_names_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, beside = tmp_path / "models" / "mini", tmp_path / "models-secret"
    monkeypatch.setenv(boundary.VARIABLE, f"/nowhere:{tmp_path / 'models'}")
    params.check({**GOOD, "models": {"mini": {"path": str(inside)}}})
    assert "outside the project" in refused({**GOOD, "models": {"mini": {"path": str(beside)}}})
    assert "outside the project" in refused({**GOOD, "models": {"mini": {"path": f"{inside}/../../x"}}})


@pytest.mark.parametrize(
    "results", ["/elsewhere", "../results", "results/../..", "results/a b", "results;rm", "results\n"]
)
def test_results_stay_below_results(results: str) -> None:
    assert "results: found" in refused({**GOOD, "results": results})


@pytest.mark.parametrize("name", ["=cmd", "+1", "-1", "@x", "a b", "../x", "<b>", "A", "", "x" * 65, "$(id)", "a\n"])
@pytest.mark.parametrize("section", ["datasets", "models", "methods"])
def test_names_are_plain(section: str, name: str) -> None:
    """Names become file names, words of a command, cells of a CSV and parts of the page."""
    content = {**GOOD, section: {name: next(iter(GOOD[section].values()))}}
    assert "allowed: a name of lower-case letters, digits and hyphens" in refused(content)


@pytest.mark.parametrize("hub", ["/etc", "../x", "a/../b", "./data", "a/b/c", "https://example.org/x", "-x", ""])
def test_a_hub_name_is_no_path(hub: str) -> None:
    """The hub's libraries take a folder's name as well."""
    content = {**GOOD, "models": {"mini": {"hub": hub, "revision": "a" * 40}}}
    assert "models.mini.hub: found" in refused(content)
    dataset = {"task": "classification", "source": {"hub": hub, "revision": "a" * 40}}
    assert "datasets.toy.source.hub: found" in refused({**GOOD, "datasets": {"toy": dataset}})


@pytest.mark.parametrize("revision", ["main", "a" * 39, "v1.0", "refs/pr/1"])
def test_the_hub_is_pinned_by_commit(revision: str) -> None:
    content = {**GOOD, "models": {"mini": {"hub": "some/model", "revision": revision}}}
    assert "allowed: a commit hash of 40 hexadecimal digits" in refused(content)


@pytest.mark.parametrize(
    "package", ["x", "x>=1", "x==1 --index-url=http://evil", "-r evil.txt", "x @ file:///x", "x==1\n-e ."]
)
def test_a_package_is_a_name_and_a_version(package: str) -> None:
    """It becomes a line of a requirements file."""
    content = {**GOOD, "models": {"mini": {"package": package, "sha256": "0" * 64, "folder": "m"}}}
    assert "allowed: a package with its exact version" in refused(content)
