"""Two revisions with results that DVC keeps, in a repository of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from tuneproof import cli, files
from tuneproof.revisions.compare import Change, corrected, params_changes

ROWS, SEEDS = 200, (0, 1)


def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


def store(accuracies, *, epochs, gold):
    """Results with these accuracies (method → wrong test rows, the same for both seeds), committed and kept by DVC."""
    results = Path("results")
    for split in ("validation", "test"):
        files.write_frame(results / "prepare" / "movie" / f"{split}.parquet", gold)
    files.write_json(results / "prepare" / "movie" / "card.json", {"task": "classification", "labels": ["a", "b"]})
    board = []
    for method, wrong in accuracies.items():
        flipped = gold["label"].map({"a": "b", "b": "a"})
        answer = gold["label"].where(~np.isin(np.arange(ROWS), wrong), flipped)
        shares = [[0.8, 0.2] if label == "a" else [0.2, 0.8] for label in answer]
        frame = pd.DataFrame({"id": gold["id"], "split": "test", "prediction": answer, "probabilities": shares})
        for seed in SEEDS:
            files.write_frame(results / f"train/movie/tiny/{method}/seed-{seed}/predictions.parquet", frame)
        row = {"dataset": "movie", "model": "tiny", "method": method, "kind": "method", "score": "accuracy"}
        board.append({**row, "value": 1 - len(wrong) / ROWS})
    files.write_csv(results / "report" / "leaderboard.csv", pd.DataFrame(board))
    params = {"seeds": list(SEEDS), "training": {"epochs": epochs}, "evaluation": {"bootstrap": 500}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    subprocess.run(["dvc", "add", "-q", *(f"results/{name}" for name in ("prepare", "train", "report"))], check=True)
    git("add", ".")
    git("commit", "-qm", f"{epochs} epochs")
    return git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """(before, after): `better` gets 40 rows more right, `wobbly` gains 11 and loses 10, `same` stays, `new` comes."""
    folder = tmp_path_factory.mktemp("revisions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_NO_ANALYTICS", "1")
        for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
            patch.setenv(f"{name}_NAME", "someone")
            patch.setenv(f"{name}_EMAIL", "someone@example.org")
        git("init", "-q")
        subprocess.run(["dvc", "init", "-q"], check=True)
        generator = np.random.default_rng(0)
        gold = pd.DataFrame({"id": [f"r{i}" for i in range(ROWS)], "label": generator.choice(["a", "b"], ROWS)})
        wobbly = np.arange(20, 31), np.arange(60, 70)
        before = store({"better": np.arange(50), "wobbly": wobbly[0], "same": np.arange(9)}, epochs=1, gold=gold)
        after = store(
            {"better": np.arange(10), "wobbly": wobbly[1], "same": np.arange(9), "new": np.arange(5)},
            epochs=3,
            gold=gold,
        )
        git("commit", "-q", "--allow-empty", "-m", "nothing")
        other = gold.assign(label=gold["label"].map({"a": "b", "b": "a"}))
        moved = store({"better": np.arange(10)}, epochs=3, gold=other)
        yield folder, before, after, moved


def compared(repository, capsys, monkeypatch, a, b, *more):
    monkeypatch.chdir(repository[0])
    code = cli.run_here(["report", "--compare", a, b, *more])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_what_changed_and_which_differences_are_significant(repository, capsys, monkeypatch):
    _, before, after, _ = repository
    found = json.loads(compared(repository, capsys, monkeypatch, before, after, "--json"))
    assert found["params"] == {"training.epochs": {"before": 1, "after": 3}}
    scores = {change["method"]: change for change in found["scores"]}
    better = scores["better"]
    assert better["difference"] == pytest.approx(0.2)
    assert better["significant"]
    # of a mean over rows alone (both seeds answer alike) the test is the paired t-test, up to the resampling
    gains = np.r_[np.ones(40), np.zeros(160)]
    t = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert better["low"] == pytest.approx(t.low, abs=0.02)
    assert better["high"] == pytest.approx(t.high, abs=0.02)
    wobbly = scores["wobbly"]
    assert wobbly["difference"] == pytest.approx(1 / 200)
    assert not wobbly["significant"]
    assert wobbly["p_holm"] > 0.5
    assert (scores["same"]["difference"], scores["same"]["note"]) == (0, "the same predictions")
    assert scores["new"]["difference"] is None
    assert scores["new"]["note"] == f"only in {after}"


def test_in_words(repository, capsys, monkeypatch):
    out = compared(repository, capsys, monkeypatch, "HEAD~3", "HEAD~2")
    assert "training.epochs: 1 → 3" in out
    assert "1 significant differences" in out
    assert "movie/tiny/better: accuracy 0.750 → 0.950: +0.200 [" in out
    assert out.index("better") < out.index("wobbly")  # what is significant comes first


def test_other_test_rows_are_not_compared(repository, capsys, monkeypatch):
    _, _, after, moved = repository
    found = json.loads(compared(repository, capsys, monkeypatch, after, moved, "--json"))
    assert [(c["method"], c["note"]) for c in found["scores"] if c["method"] == "better"] == [
        ("better", "the test rows differ")
    ]


def test_a_revision_that_is_none_is_one_line(repository, capsys, monkeypatch):
    monkeypatch.chdir(repository[0])
    assert cli.run_here(["report", "--compare", "nowhere", "HEAD"]) == 1
    assert "found 'nowhere'; allowed: a git revision" in capsys.readouterr().err
    assert cli.run_here(["report"]) == 1
    assert "--settings and --out are missing" in capsys.readouterr().err


def test_params_by_key():
    one = {"training": {"epochs": 1, "dropout": None}, "methods": {"lora": {"rank": 8}}, "seeds": [0]}
    other = {"training": {"epochs": 1, "dropout": 0.1}, "methods": {}, "seeds": [0, 1]}
    assert params_changes(one, other) == {
        "training.dropout": (None, 0.1),
        "methods.lora.rank": (8, None),
        "methods": (None, {}),
        "seeds": ([0], [0, 1]),
    }


def test_p_is_corrected_over_what_was_tested():
    changes = [
        Change("d", "m", name, "s", 0.1, 0.2, 0.1, p_holm=p) for name, p in (("a", 0.02), ("b", 0.03), ("c", None))
    ]
    found = {change.method: change for change in corrected(changes, 0.95)}
    assert found["a"].p_holm == pytest.approx(0.04)  # the smallest of two, times two
    assert found["a"].significant
    assert found["b"].p_holm == pytest.approx(0.04)  # never below the one before
    assert found["c"] == changes[2]
