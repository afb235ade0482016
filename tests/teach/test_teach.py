"""Teachers and students from end to end on a random tiny model, for each task."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from tuneproof import files, search, tasks, teach, tokenize, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.code import of_cell
from tuneproof.errors import DataError, MethodError
from tuneproof.preflight import calibrate
from tuneproof.ready.fit import fit
from tuneproof.trace.chain import Chain
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.train import checkpoint
from tuneproof.train import run as train
from tuneproof.train.batches import Tokens
from tuneproof.train.loop import Data
from tuneproof.verify import sources
from tuneproof.verify.again import Again

ROWS = {"train": 24, "validation": 8, "test": 8}
TASKS = ("classification", "regression", "ner")
TEACHER = Ensemble("d", "m", "both")
STUDENT = Run("d", "m", "small", 0)


def prepared(task: str) -> dict[str, pd.DataFrame]:
    found = {}
    for split, count in ROWS.items():
        texts = [("a great film" if row % 2 else "what a bore") + " indeed" * (row % 5) for row in range(count)]
        frame = pd.DataFrame({"id": [f"{split}-{row}" for row in range(count)]})
        if task == "ner":
            frame["tokens"] = [text.split() for text in texts]
            frame["tags"] = [["B-x" if word in ("film", "bore") else "O" for word in text.split()] for text in texts]
        else:
            frame["text"] = texts
            frame["label"] = [("yes" if row % 2 else "no") if task == "classification" else row % 2 - 0.5
                              for row in range(count)]  # fmt: skip
        found[split] = frame
    return found


@pytest.fixture(scope="module", params=TASKS)
def results(request: Any, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two members, what they teach, and a student, laid out as a run of Snakemake would."""
    task, root = request.param, tmp_path_factory.mktemp("teach") / "results"
    folder = root / "prepare/d"
    frames = prepared(task)
    for split, frame in frames.items():
        files.write_frame(folder / f"{split}.parquet", frame)
    files.write_json(folder / "card.json", {"labels": tasks.get(task).labels(frames["train"])})
    tokenize.run(
        task_name=task, max_length=32, model=tiny_folder, card=folder / "card.json",
        splits={split: folder / f"{split}.parquet" for split in ROWS}, out=root / "tokenize/d/none/m",
    )  # fmt: skip
    files.write_json(root / "fetch/models/m.json", {"folder": str(tiny_folder), "files": {}})
    methods = {"full": ("full", []), "probe": ("probe", []), "small": ("bitfit", [{"name": "distil", **OPTIONS}])}
    cells = [["d", "m", name] for name in methods]
    about = {"cells": cells, "seeds": [0], "ensembles": [], "datasets": {"d": {"task": task}}}
    files.write_json(root / "settings/report.json", about)
    declared = {"name": "both", "task": task, "members": ["full/seed-0", "probe/seed-0"]}
    files.write_json(root / "settings/teach/d/m/both.json", declared)
    for name, (tuning, parts) in methods.items():
        if name == "small":
            ask(root, tiny_folder, root / "teach/d/m/both")
        run_cell(root, make_cell(name, task, tuning, parts), tiny_folder)
    return root


OPTIONS = {"ensemble": "both", "temperature": 2.0, "weight": 0.5}


def make_cell(method: str, task: str, tuning: str, parts: list[dict[str, Any]]) -> Cell:
    return Cell(
        dataset="d", model="m", method=method, task=task, tuning={"name": tuning}, augmentation="none",
        adversarial=None, regularisers=parts, training=Training(epochs=2, precision="fp32", device="cpu"),
        learning_rates=tuple(tunings.get(tuning).learning_rates), search=Search(trials=1),
    )  # fmt: skip


def ask(root: Path, model: Path, out: Path) -> None:
    teach.run(
        files.read_json(root / "settings/teach/d/m/both.json"), runs=root / "train/d/m",
        tokens=root / "tokenize/d/none/m/train.parquet", card=root / "prepare/d/card.json", model=model, out=out,
    )  # fmt: skip


def run_cell(root: Path, cell: Cell, model: Path) -> None:
    """Search and one seed, as the commands `search` and `train` do."""
    files.write_json(root / f"settings/cell/d/m/{cell.method}.json", cell.model_dump(mode="json"))
    inputs = Experiment(root).inputs(Run("d", "m", cell.method, 0))
    data = train.load_data(
        cell, prepared=root / "prepare/d", train=inputs["train_tokens"], tokens=root / "tokenize/d/none/m",
        teacher=inputs.get("teacher"),
    )  # fmt: skip
    scratch = root.parent / "scratch"
    search.run(
        cell, data, model_folder=model, fingerprint="f" * 64, scratch=scratch, out=root / f"search/d/m/{cell.method}"
    )
    train.run(
        cell, data, seed=0, best=inputs["best"], test_tokens=inputs["test_tokens"], model_folder=model,
        inputs=train.hashes(inputs), code=of_cell(cell), command=["tuneproof", "train"], scratch=scratch,
        save_every=60.0, out=root / f"train/d/m/{cell.method}/seed-0",
    )  # fmt: skip


def member_answers(root: Path, model: Path, method: str) -> list[np.ndarray]:
    """A member's answers row by row, without padding; ner: of each word's first sub-token."""
    tuned, task, _ = checkpoint.load(root / f"train/d/m/{method}/seed-0/checkpoint", model)
    tokens = Tokens.read(root / "tokenize/d/none/m/train.parquet")
    found = []
    for row in range(len(tokens)):
        with torch.inference_mode():
            logits = tuned(input_ids=torch.tensor(np.array([tokens.columns["input_ids"][row]]))).logits[0].numpy()
        if task.name == "regression":
            found.append(logits[0])
        elif task.name == "ner":
            found.append(softmax(logits[np.array(tokens.columns["word_starts"][row])], axis=-1))
        else:
            found.append(softmax(logits))
    return found


def test_a_teachers_answers_are_the_mean_of_its_members(results: Path, tiny_folder: Path, tmp_path: Path) -> None:
    frame = files.read_frame(results / "teach/d/m/both/train.parquet")
    assert list(frame["id"]) == [f"train-{row}" for row in range(ROWS["train"])]
    each = [member_answers(results, tiny_folder, method) for method in ("full", "probe")]
    column = frame.columns[1]
    differ = 0
    for row, answer in enumerate(frame[column]):
        expected = np.mean([member[row] for member in each], axis=0)
        found = answer if column == "prediction" else np.stack(list(answer)).astype(float)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        differ += not np.allclose(each[0][row], each[1][row], atol=1e-3)
    assert differ
    told = files.read_json(results / "teach/d/m/both/members.json")
    assert [member["run"] for member in told["members"]] == ["full/seed-0", "probe/seed-0"]
    ask(results, tiny_folder, tmp_path)
    for name in ("train.parquet", "members.json"):
        assert (tmp_path / name).read_bytes() == (results / "teach/d/m/both" / name).read_bytes()


def test_a_students_run_says_what_it_read(results: Path) -> None:
    about = files.read_json(results / "train/d/m/small/seed-0/run.json")
    assert about["inputs"]["teacher"] == files.sha256(results / "teach/d/m/both/train.parquet")
    assert "tuneproof/regularisers/distil.py" in about["code"]
    other = files.read_json(results / "train/d/m/full/seed-0/run.json")
    assert "teacher" not in other["inputs"]
    assert "tuneproof/regularisers/distil.py" not in other["code"]
    items = list(sources.records(Experiment(results), STUDENT))
    assert {item.outcome for item in items} == {"same"}
    assert sum("teach/d/m/both/train.parquet" in item.what for item in items) == 1


def test_a_student_without_its_teachers_file_is_one_line(results: Path) -> None:
    cell = Experiment(results).cell(STUDENT)
    tokens = results / "tokenize/d/none/m"
    with pytest.raises(DataError, match="learns from the ensemble both; needed: --teacher"):
        train.load_data(cell, prepared=results / "prepare/d", train=tokens / "train.parquet", tokens=tokens)


def again(results: Path, scratch: Path) -> list[Any]:
    """The teacher asked again, over rows that stand for those prepared and tokenized anew."""
    for name in ("prepare", "tokenize"):
        shutil.copytree(results / name, scratch / name)
    return list(Again(Experiment(results), scratch).teach(TEACHER))


def test_verify_asks_the_teacher_again(results: Path, tmp_path: Path) -> None:
    first, second = again(results, tmp_path / "scratch")
    assert (first.outcome, first.detail) == ("same", "24 rows, bit for bit")
    assert second.outcome == "same"
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    frame = files.read_frame(copy / "teach/d/m/both/train.parquet")
    files.write_frame(copy / "teach/d/m/both/train.parquet", frame.iloc[::-1])
    first, _ = again(copy, tmp_path / "other")
    assert first.outcome == "differs"


def test_a_students_chain_goes_through_its_teacher(results: Path) -> None:
    chain = Chain(Experiment(results))
    key = chain.checkpoint(STUDENT)
    teacher = chain.nodes["teacher d/m/both"]
    assert teacher.key in chain.nodes[key].sources
    assert teacher.key in chain.nodes["search d/m/small"].sources
    assert {"checkpoint d/m/full/seed-0", "checkpoint d/m/probe/seed-0"} < {*teacher.sources}
    assert not any(file.changed for file in teacher.files)
    assert "teacher d/m/both" not in chain.nodes["checkpoint d/m/full/seed-0"].sources


def test_a_student_that_teaches_is_refused(results: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results / "settings", copy / "settings")
    files.write_json(copy / "settings/teach/d/m/both.json", {"members": ["small/seed-0"]})
    with pytest.raises(DataError, match="found small/seed-0, which learns from an ensemble"):
        Experiment(copy).teaching(TEACHER)


def test_members_that_were_left_out_are_passed_over(results: Path, tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    files.write_json(copy / "train/d/m/probe/seed-0/run.json", {"left_out": "no"})
    ask(copy, tiny_folder, copy / "teach/d/m/both")
    told = files.read_json(copy / "teach/d/m/both/members.json")
    assert ([member["run"] for member in told["members"]], told["unanswered"]) == (["full/seed-0"], ["probe/seed-0"])
    files.write_json(copy / "train/d/m/full/seed-0/run.json", {"left_out": "no"})
    ask(copy, tiny_folder, copy / "teach/d/m/both")
    assert files.read_json(copy / "teach/d/m/both/members.json")["left_out"] == "each of its members was left out"
    assert files.read_frame(copy / "teach/d/m/both/train.parquet").empty
    run_cell(copy, Experiment(copy).cell(STUDENT), tiny_folder)
    reason = "each member of the ensemble both, which it learns from, was left out"
    assert files.read_json(copy / "search/d/m/small/best.json") == {"left_out": reason}
    assert files.read_json(copy / "train/d/m/small/seed-0/run.json")["left_out"] == reason
    assert {item.outcome for item in again(copy, tmp_path / "scratch")} == {"same"}


def test_a_student_is_no_ready_model(results: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MethodError, match="small learns from the ensemble both, which has answered the training rows al"
    ):
        fit(results, method="small", dataset=None, model=None, seed=None, threads=1, out=tmp_path / "ready")
    assert not (tmp_path / "ready").exists()


def test_a_students_speed_is_measured_before_anybody_taught(results: Path, tiny_folder: Path) -> None:
    tokens = results / "tokenize/d/none/m"
    data = Data(
        train=Tokens.read(tokens / "train.parquet"), validation=Tokens.read(tokens / "validation.parquet"),
        gold=files.read_frame(results / "prepare/d/validation.parquet"),
        labels=files.read_json(results / "prepare/d/card.json")["labels"],
    )  # fmt: skip
    speed = calibrate.sample(Experiment(results).cell(STUDENT), data, tiny_folder)
    assert speed.train > 0
    assert speed.measured
