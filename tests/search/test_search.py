"""The search with a fit that costs nothing: budget, resume, determinism, edges."""

import json
import math

import pandas as pd
import pytest

from tuneproof import search, trial
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import TuneproofError
from tuneproof.train import loop


def make_cell(**options):
    return Cell(
        dataset="d",
        model="m",
        method="full",
        task="classification",
        tuning={"name": "full"},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=3),
        learning_rates=(1e-5, 1e-2, 1e-5),
        search=Search(**{"trials": 6, "startup": 3, **options}),
    )


class Result:
    def __init__(self, value):
        self.value = value

    def scores(self):
        return {"accuracy": self.value}


def hill(best=3e-4):
    """A fit whose score is highest at `best`; counts its calls and can be killed."""
    calls = []

    def fit(cell, data, *, learning_rate, warmup_ratio, after_epoch, **_):
        calls.append(learning_rate)
        if fit.kill_at == len(calls):
            raise KeyboardInterrupt
        score = 1 / (1 + abs(math.log(learning_rate / best)))
        for epoch in range(1, cell.training.epochs + 1):
            after_epoch({"epoch": epoch, "validation_loss": 1 - score, "validation_accuracy": score})
        return Result(score)

    fit.calls, fit.kill_at = calls, None
    return fit


def run(monkeypatch, tmp_path, fit, cell=None, name="out"):
    monkeypatch.setattr(loop, "fit", fit)
    out = tmp_path / name
    where = {"model_folder": tmp_path, "scratch": tmp_path / "s", "out": out}
    search.run(cell or make_cell(), None, fingerprint="f" * 64, **where)
    return json.loads((out / "best.json").read_text()), pd.read_csv(out / "trials.csv")


def test_budget_first_trial_and_best(monkeypatch, tmp_path):
    fit = hill()
    best, trials = run(monkeypatch, tmp_path, fit)
    assert len(trials) == len(fit.calls) == best["trials"] == 6
    assert fit.calls[0] == 1e-5
    complete = trials[trials["state"] == "complete"]
    assert best["value"] == complete["value"].max()
    assert best["learning_rate"] == complete.loc[complete["value"].idxmax(), "learning_rate"]
    assert list(trials.columns) == ["trial", "state", "learning_rate", "warmup_ratio", "epochs", "value"]
    assert not list((tmp_path / "s").iterdir())


@pytest.mark.parametrize("killed_at", [1, 2, 4, 6])
def test_a_killed_search_ends_like_an_undisturbed_one(monkeypatch, tmp_path, killed_at):
    run(monkeypatch, tmp_path, hill(), name="calm")
    fit = hill()
    fit.kill_at = killed_at
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path, fit, name="killed")
    journal = next((tmp_path / "s").glob("*.journal"))
    with journal.open("ab") as file:
        file.write(b'{"half a li')
    again = hill()
    run(monkeypatch, tmp_path, again, name="killed")
    assert len(again.calls) == 6 - (killed_at - 1)
    for file in ("best.json", "trials.csv"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "calm" / file).read_bytes()


def test_trials_of_other_inputs_are_not_believed(monkeypatch, tmp_path):
    fit = hill()
    fit.kill_at = 3
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path, fit)
    monkeypatch.setattr(loop, "fit", other := hill())
    search.run(
        make_cell(), None, model_folder=tmp_path, fingerprint="0" * 64, scratch=tmp_path / "s", out=tmp_path / "o"
    )
    assert len(other.calls) == 6


def test_diverged_trials_count_and_never_win(monkeypatch, tmp_path):
    plain = hill()

    def fit(cell, data, *, learning_rate, **options):
        if learning_rate > 1e-3:
            raise loop.DivergedError("too high")
        return plain(cell, data, learning_rate=learning_rate, **options)

    best, trials = run(monkeypatch, tmp_path, fit)
    assert len(trials) == 6
    assert "diverged" in set(trials["state"])
    assert best["learning_rate"] <= 1e-3


def test_all_diverged_is_one_clear_line(monkeypatch, tmp_path):
    def fit(*_, **__):
        raise loop.DivergedError("too high")

    with pytest.raises(TuneproofError, match="all 6 trials diverged"):
        run(monkeypatch, tmp_path, fit)


def test_a_trial_that_falls_behind_is_pruned(monkeypatch, tmp_path):
    _, trials = run(monkeypatch, tmp_path, hill(), make_cell(trials=10))
    pruned = trials[trials["state"] == "pruned"]
    assert len(pruned) and (pruned["epochs"] < 3).all()
    assert not len(run(monkeypatch, tmp_path, hill(), make_cell(pruner="none"), name="n")[1].query("state == 'pruned'"))


def test_edges():
    assert search.edge(1e-5, 1e-5, 1e-3) == "low"
    assert search.edge(1e-4, 1e-5, 1e-3) is None
    assert search.edge(9e-4, 1e-5, 1e-3) == "high"


def test_startup_points_cover_the_space():
    points = trial.startup_points(8, 0, 2)
    assert all(0 <= x < 1 and 0 <= y < 1 for x, y in points)
    assert len({int(x * 4) for x, _ in points}) == 4
    assert points[:3] == trial.startup_points(3, 0, 2)


@pytest.mark.parametrize("damage", ["one bit", "truncated", "empty", "half a line more", "seal"])
def test_a_damaged_journal_is_not_believed(monkeypatch, tmp_path, damage):
    calm = run(monkeypatch, tmp_path, hill(), name="calm")
    fit = hill()
    fit.kill_at = 4
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path, fit)
    (journal,) = (tmp_path / "s").glob("*.journal")
    content = journal.read_bytes()
    place = content.index(b'"values":[0.') + len(b'"values":[0.')
    changed = {
        "one bit": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],  # another score: valid JSON
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "half a line more": content + b'{"op_code": 5, "wor',
        "seal": content,
    }
    journal.write_bytes(changed[damage])
    if damage == "seal":
        journal.with_suffix(search.SEAL).write_text("{")
    again = hill()
    best, trials = run(monkeypatch, tmp_path, again)
    assert best == calm[0]
    assert trials.equals(calm[1])
    assert len(again.calls) == (3 if damage == "half a line more" else 6), "only trials that are believed are kept"
    assert not list((tmp_path / "s").iterdir())
