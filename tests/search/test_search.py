"""The search with a fit that costs nothing: budget, resume, determinism, edges."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tuneproof import params, search, trial
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import MethodError, ParamsError, TuneproofError
from tuneproof.train import loop

ROOT = Path(__file__).parents[2]


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


SPACE = {"weight_decay": [0.0, 0.2], "dropout": [0.05, 0.4]}


def test_further_settings_are_searched_where_params_ask(monkeypatch, tmp_path):
    plain, seen = hill(), []

    def fit(cell, data, **options):
        seen.append((cell.training.weight_decay, cell.training.dropout))
        return plain(cell, data, **options)

    best, trials = run(monkeypatch, tmp_path, fit, make_cell(space=SPACE, trials=8))
    assert list(trials.columns) == [
        *("trial", "state", "learning_rate", "warmup_ratio", "weight_decay", "dropout", "epochs", "value")
    ]
    assert seen[0] == (0.01, pytest.approx(0.225)), "params' own value; the middle where there is none"
    assert seen == list(zip(trials["weight_decay"], trials["dropout"], strict=True))
    assert trials["weight_decay"].between(0, 0.2).all() and trials["dropout"].between(0.05, 0.4).all()
    assert trials["weight_decay"].nunique() == trials["dropout"].nunique() == 8
    chosen = trials.loc[best["trial"]]
    assert (best["weight_decay"], best["dropout"]) == (chosen["weight_decay"], chosen["dropout"])
    assert [*best][:4] == ["learning_rate", "warmup_ratio", "weight_decay", "dropout"]


def test_a_killed_search_of_further_settings_goes_on(monkeypatch, tmp_path):
    cell = make_cell(space=SPACE)
    run(monkeypatch, tmp_path, hill(), cell, name="calm")
    fit = hill()
    fit.kill_at = 5
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path, fit, cell, name="killed")
    run(monkeypatch, tmp_path, hill(), cell, name="killed")
    for file in ("best.json", "trials.csv"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "calm" / file).read_bytes()


def test_a_first_value_beyond_the_range_is_taken_to_its_end():
    cell = make_cell(space={"weight_decay": [0.05, 0.2]})
    assert trial.point(cell, 0)["weight_decay"] == 0.05


def test_the_fit_has_what_was_chosen(monkeypatch, tmp_path):
    """Stage train too; settings that were not searched stay as params have them."""
    from tuneproof.train import run as train

    seen = []

    def fit(cell, *_, learning_rate, **__):
        seen.append((cell.training, learning_rate))
        raise MethodError("seen enough")

    monkeypatch.setattr(loop, "fit", fit)
    best = tmp_path / "best.json"
    best.write_text(json.dumps({"learning_rate": 1e-3, "warmup_ratio": 0.1, "dropout": 0.3}))
    cell = make_cell(space={"dropout": [0.0, 0.5]})
    where = {
        "best": best,
        "test_tokens": tmp_path,
        "model_folder": tmp_path,
        "scratch": tmp_path,
        "out": tmp_path / "o",
    }
    train.run(cell, None, seed=0, inputs={}, code=[], command=[], save_every=60.0, **where)
    ((training, rate),) = seen
    assert (training.dropout, training.weight_decay, training.epochs, rate) == (0.3, 0.01, 3, 1e-3)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, "search.space: found {}; allowed: weight_decay or dropout, or both"),
        ({"dropout": [0.2, 0.1]}, "search.space.dropout: found [0.2, 0.1]; allowed: [low, high] with 0 <= low < high"),
        ({"dropout": [0, 1]}, "search.space.dropout: found [0, 1]; allowed: [low, high] with 0 <= low < high < 1"),
        ({"weight_decay": [0, 2]}, "search.space.weight_decay: found [0, 2]; allowed: [low, high] with 0 <= low < hig"),
        ({"droput": [0, 0.1]}, "search.space.droput: unknown key; allowed: weight_decay, dropout; did you mean dropou"),
    ],
)
def test_a_wrong_space_is_one_clear_line(space, said):
    content = yaml.safe_load((ROOT / "experiments/tiny.yaml").read_text())
    with pytest.raises(ParamsError) as told:
        params.check({**content, "search": {"space": space}})
    (line,) = told.value.lines
    assert line.startswith(f"params.yaml: {said}")


def test_a_space_that_is_not_asked_for_is_not_written():
    assert "space" not in Search().model_dump(mode="json")
    assert Search(space=SPACE).model_dump(mode="json")["space"] == SPACE
    assert Search(space={"dropout": (0, 0.1)}).model_dump(mode="json")["space"] == {"dropout": [0.0, 0.1]}


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
