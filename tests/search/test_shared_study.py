"""Several workers on one study: the budget, start-up points, the dead, and what must not be shown."""

import json
import math
import multiprocessing
import os
import signal
import time

import pandas as pd
import pytest

from tuneproof import search, shared_study, trial
from tuneproof.cell import Cell, Search, Training
from tuneproof.cli import run_here
from tuneproof.errors import DataError, MethodError, TuneproofError
from tuneproof.shared_study import SharedStudy
from tuneproof.train import loop

PROCESSES = multiprocessing.get_context("fork")


def make_cell(**options):
    return Cell(
        dataset="d",
        model="m",
        method="full",
        task="classification",
        tuning={"name": "full"},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=2),
        learning_rates=(1e-5, 1e-2, 1e-5),
        search=Search(**{"trials": 8, "startup": 4, "workers": 2, "pruner": "none", **options}),
    )


class Result:
    def __init__(self, value):
        self.value = value

    def scores(self):
        return {"accuracy": self.value}


@pytest.fixture
def fit(monkeypatch):
    """A fit that takes a moment; hangs where the file `hang` beside its model says so."""

    def stub(cell, data, *, model_folder, learning_rate, warmup_ratio, after_epoch, **_):
        with (model_folder / "calls").open("a") as file:
            file.write(f"{os.getpid()} {learning_rate!r}\n")
        score = 1 / (1 + abs(math.log(learning_rate / 3e-4)))
        for epoch in range(1, cell.training.epochs + 1):
            time.sleep(0.02)
            while (model_folder / "hang").exists():
                time.sleep(0.01)
            after_epoch({"epoch": epoch, "validation_loss": 1 - score, "validation_accuracy": score})
        return Result(score)

    monkeypatch.setattr(loop, "fit", stub)
    return stub


@pytest.fixture(params=["journal", "data base"])
def place(request, monkeypatch, tmp_path):
    """Where the study lies: both ways."""
    if request.param == "data base":
        monkeypatch.setenv(shared_study.VARIABLE, f"sqlite:///{tmp_path}/studies.db")
    return request.param


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(shared_study, "BEAT", 0.1)
    monkeypatch.setattr(shared_study, "GRACE", 0.6)
    monkeypatch.setattr(shared_study, "POLL", 0.1)


def work(tmp_path, worker, cell=None, name="out"):
    where = {"model_folder": tmp_path, "scratch": tmp_path / "s", "out": tmp_path / name}
    search.run(cell or make_cell(), None, fingerprint="f" * 64, worker=worker, **where)


def start(tmp_path, worker, cell=None):
    process = PROCESSES.Process(target=work, args=(tmp_path, worker, cell))
    process.start()
    return process


def calls(tmp_path):
    path = tmp_path / "calls"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def outcome(tmp_path, name="out"):
    return json.loads((tmp_path / name / "best.json").read_text()), pd.read_csv(tmp_path / name / "trials.csv")


def startup(cell):
    return [trial.point(cell, number)["learning_rate"] for number in range(cell.search.startup)]


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def killed_in(tmp_path, worker, trials, cell=None):
    """A worker that is killed in its fit after so many trials."""
    process = start(tmp_path, worker, cell)
    wait_for(lambda: len(calls(tmp_path)) > trials)
    (tmp_path / "hang").touch()
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    (tmp_path / "hang").unlink()


def test_two_processes_share_the_budget(fit, place, tmp_path):
    cell = make_cell()
    (tmp_path / "hang").touch()
    workers = [start(tmp_path, number, cell) for number in range(2)]
    wait_for(lambda: len(calls(tmp_path)) == 2)  # both are at work
    (tmp_path / "hang").unlink()
    for process in workers:
        process.join(60)
        assert process.exitcode == 0
    assert len(calls(tmp_path)) == 8
    assert len({pid for pid, _ in calls(tmp_path)}) == 2
    work(tmp_path, None)
    assert len(calls(tmp_path)) == 8, "nothing was left to do"
    best, trials = outcome(tmp_path)
    assert best["workers"] == 2
    assert best["trials"] == len(trials) == 8
    assert list(trials["trial"]) == [*range(8)]
    assert trials["learning_rate"].tolist()[:4] == startup(cell)
    assert trials["learning_rate"].nunique() == 8
    assert best["value"] == trials["value"].max()
    assert list((tmp_path / "s").iterdir()) == []


def test_one_process_alone_does_it_all(fit, tmp_path):
    work(tmp_path, None)
    assert len(outcome(tmp_path)[1]) == len(calls(tmp_path)) == 8


def test_start_up_points_alone_give_the_bytes_of_one_job(fit, tmp_path):
    """Nothing depends on who was faster where neither TPE nor a pruner looks at other trials."""
    cell = make_cell(trials=4)
    workers = [start(tmp_path, number, cell) for number in range(2)]
    for process in workers:
        process.join(60)
    work(tmp_path, None, cell, "together")
    work(tmp_path, None, make_cell(trials=4, workers=1), "alone")
    assert (tmp_path / "together/trials.csv").read_bytes() == (tmp_path / "alone/trials.csv").read_bytes()
    together, alone = outcome(tmp_path, "together")[0], outcome(tmp_path, "alone")[0]
    assert together == {**alone, "workers": 2}


@pytest.mark.parametrize("trials", [0, 6])
def test_a_worker_that_is_started_again_goes_on_with_its_trial(fit, place, tmp_path, trials):
    killed_in(tmp_path, 0, trials)
    lost = calls(tmp_path)[-1][1]
    work(tmp_path, 0)
    assert calls(tmp_path)[trials + 1][1] == lost, "the same point, be it TPE's"
    work(tmp_path, None)
    _, found = outcome(tmp_path)
    assert len(found) == 8
    assert found["learning_rate"].nunique() == 8
    assert len(calls(tmp_path)) == 9


def test_another_worker_takes_over_from_a_dead_one(fit, place, quick, tmp_path):
    cell = make_cell()
    killed_in(tmp_path, 0, 0)
    work(tmp_path, None, cell)
    _, found = outcome(tmp_path)
    assert len(found) == 8
    assert found["learning_rate"].tolist()[:4] == startup(cell)
    assert [rate for _, rate in calls(tmp_path)].count(repr(startup(cell)[0])) == 2


def test_who_is_only_slow_is_not_dead(fit, quick, tmp_path):
    """The collector waits for a trial that shows life, longer than the grace."""
    cell = make_cell(trials=1)
    process = start(tmp_path, 0, cell)
    (tmp_path / "hang").touch()
    wait_for(lambda: calls(tmp_path))
    collector = start(tmp_path, None, cell)
    time.sleep(1.5)
    assert collector.is_alive()
    (tmp_path / "hang").unlink()
    process.join(20)
    collector.join(20)
    assert len(calls(tmp_path)) == 1
    assert len(outcome(tmp_path)[1]) == 1


def test_who_was_taken_for_dead_and_was_not_changes_nothing(fit, place, monkeypatch, tmp_path):
    monkeypatch.setattr(shared_study.Beats, "is_dead", lambda self, worker: True)
    where = {"fingerprint": "f" * 64, "scratch": tmp_path / "s"}
    with SharedStudy(make_cell(), worker="slow", **where) as slow, SharedStudy(make_cell(), worker="b", **where) as b:
        mine, taken = slow.claim(), b.claim()
        assert mine.number == taken.number == 0
        assert mine.values == taken.values
        slow._run(mine, None, tmp_path)
        assert slow.counted() == []
        b._run(taken, None, tmp_path)
        assert [found.user_attrs["worker"] for found in slow.counted()] == ["b"]
        assert slow.claim().number == 1


def test_a_claim_that_died_half_way_is_buried(fit, tmp_path):
    where = {"fingerprint": "f" * 64, "scratch": tmp_path / "s"}
    with SharedStudy(make_cell(), worker="a", **where) as shared:
        shared.study.ask()
        assert shared.claim().number == 0
        assert [t.state.name for t in shared.study.get_trials()] == ["FAIL", "RUNNING"]


def test_a_fit_that_fails_gives_its_number_back(fit, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(loop, "fit", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        work(tmp_path, 0)
    monkeypatch.setattr(loop, "fit", fit)
    work(tmp_path, 1)
    work(tmp_path, None)
    assert len(outcome(tmp_path)[1]) == 8


def test_a_method_that_does_not_fit_is_left_out(monkeypatch, tmp_path):
    seen = []

    def misfit(*_, **__):
        seen.append(1)
        raise MethodError("lora: no\nlinear layer")

    monkeypatch.setattr(loop, "fit", misfit)
    work(tmp_path, 0)
    work(tmp_path, 1)
    work(tmp_path, None)
    assert len(seen) == 1
    best, found = outcome(tmp_path)
    assert best == {"left_out": "lora: no linear layer"}
    assert found.empty


def test_half_a_line_is_cut_off(fit, tmp_path):
    killed_in(tmp_path, 0, 2)
    (journal,) = (tmp_path / "s").glob("*/journal")
    with journal.open("ab") as file:
        file.write(b'{"op_code": 5, "wor')
    work(tmp_path, 0)
    work(tmp_path, None)
    assert len(outcome(tmp_path)[1]) == 8


def test_a_damaged_journal_is_not_believed(fit, tmp_path):
    killed_in(tmp_path, 0, 2)
    (journal,) = (tmp_path / "s").glob("*/journal")
    content = journal.read_bytes()
    place = content.index(b'"values":[0.') + len(b'"values":[0.')
    journal.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(DataError, match="damaged; delete its folder"):
        work(tmp_path, 0)


def test_the_lock_of_a_killed_search_holds_nobody(fit, tmp_path):
    """Of one job that does it all: nobody else can be at work."""
    cell = make_cell(workers=1, trials=2)
    (tmp_path / "s").mkdir()
    (tmp_path / f"s/d-m-full-{'f' * 16}.journal.lock").symlink_to("nowhere")
    work(tmp_path, None, cell)
    assert len(outcome(tmp_path)[1]) == 2


def test_settings_that_are_not_asked_for_are_not_written():
    assert "workers" not in Search().model_dump(mode="json")
    assert Search(workers=3).model_dump(mode="json")["workers"] == 3


# the data base's URL

SECRET = "s3cr%2Ft"
URLS = [
    f"postgresql+nodriver://me:{SECRET}@db.example.org/studies",
    f"://me:{SECRET}@db.example.org",
    f"nosuchbase://me:{SECRET}@db.example.org/x",
    f"sqlite:////nowhere/at/all.db?password={SECRET}",
]


@pytest.mark.parametrize("url", URLS)
def test_a_data_base_that_cannot_be_had_is_one_line_without_its_secret(fit, monkeypatch, tmp_path, url):
    monkeypatch.setenv(shared_study.VARIABLE, url)
    with pytest.raises(TuneproofError) as told:
        work(tmp_path, 0)
    assert str(told.value).startswith("TUNEPROOF_STORAGE: ")
    for secret in (SECRET, "s3cr/t", url):
        assert secret not in str(told.value)
    assert told.value.__suppress_context__, "a traceback would show what is hidden"


def test_no_file_holds_the_secret(fit, monkeypatch, tmp_path, capfd):
    """Of a URL that works: its own file apart, nothing that was written or said has the password."""
    (tmp_path / "db").mkdir()
    monkeypatch.setenv(shared_study.VARIABLE, f"sqlite:///{tmp_path}/db/studies.db?cache=private&mypassword=s3cret")
    try:
        work(tmp_path, None)
    except TuneproofError as error:  # the driver may refuse the parameter
        assert "s3cret" not in str(error)
    assert "s3cret" not in "".join(capfd.readouterr())
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        ("postgresql://me:a@b@host/x", "cannot reach postgresql://me:a@b@host/x", "cannot reach …"),
        ("postgresql://me:s%40t@host/x", "password s@t or s%40t is wrong", "password … or … is wrong"),
        ("mysql://host/x?user=me&password=pw%2F1", "login pw/1", "login …"),
        ("postgresql://host/x", "no postgresql://you:pw@host/y", "no postgresql://you:…@host/y"),
    ],
)
def test_what_is_hidden(monkeypatch, url, text, shown):
    monkeypatch.setenv(shared_study.VARIABLE, url)
    assert shared_study.hidden(text) == shown


def test_the_command_has_workers(tmp_path, capsys):
    assert run_here(["search", "--worker", "-1"]) == 2
    assert "--worker" in capsys.readouterr().err
