"""Soups of real checkpoints: their tensors and answers against means and models made apart."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuneproof import files, tokenize, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.ensemble import checkpoints
from tuneproof.ensemble import run as stage
from tuneproof.errors import DataError, MethodError
from tuneproof.tunings import weights

TUNINGS: dict[str, dict[str, Any]] = {
    "full": {"name": "full"},
    "lora": {"name": "lora"},
    "adapter": {"name": "adapter"},
    "probe": {"name": "probe"},
    "logistic": {"name": "logistic"},
    "vera": {"name": "vera"},
}
SEEDS = (0, 1, 2)
GREEDY = {"name": "greedy-soup"}


@pytest.fixture(scope="module")
def results(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of each tuning, trained for a few steps on a random tiny model."""
    root = tmp_path_factory.mktemp("soup") / "results"
    prepared, tokens = root / "prepare", root / "tokens"
    for split, rows in (("train", 32), ("validation", 16), ("test", 12)):
        texts = [("a great film" if row % 2 else "what a bore") + " indeed" * (row % 5) for row in range(rows)]
        labels = ["yes" if row % 2 else "no" for row in range(rows)]
        frame = pd.DataFrame({"id": [f"{split}-{row}" for row in range(rows)], "text": texts, "label": labels})
        files.write_frame(prepared / f"{split}.parquet", frame)
    files.write_json(prepared / "card.json", {"labels": ["no", "yes"]})
    splits = {split: prepared / f"{split}.parquet" for split in ("train", "validation", "test")}
    tokenize.run(
        task_name="classification",
        max_length=32,
        model=tiny_folder,
        card=prepared / "card.json",
        splits=splits,
        out=tokens,
    )
    for name, tuning in TUNINGS.items():
        for seed in SEEDS:
            train(root, name, tuning, seed, tiny_folder)
    return root


def train(root: Path, name: str, tuning: dict[str, Any], seed: int, model_folder: Path) -> None:
    from tuneproof import tasks
    from tuneproof.train import checkpoint
    from tuneproof.train.batches import Tokens
    from tuneproof.train.loop import fit
    from tuneproof.train.predict import predict
    from tuneproof.train.run import load_data

    cell = Cell(
        dataset="d", model="m", method=name, task="classification", tuning=tuning, augmentation="none",
        adversarial=None, training=Training(epochs=2, precision="fp32", device="cpu"),
        learning_rates=tuple(tunings.get(tuning["name"]).learning_rates), search=Search(trials=1),
    )  # fmt: skip
    tokens = root / "tokens"
    data = load_data(cell, prepared=root / "prepare", train=tokens / "train.parquet", tokens=tokens)
    rate = cell.learning_rates[2]
    fitted = fit(cell, data, model_folder=model_folder, learning_rate=rate, warmup_ratio=0.0, seed=seed)
    out, task = root / "train" / name / f"seed-{seed}", tasks.get("classification")
    parts = [
        predict(fitted.model, task, Tokens.read(tokens / f"{split}.parquet"), data.labels, precision="fp32")
        .frame.assign(split=split)
        for split in ("validation", "test")
    ]  # fmt: skip
    files.write_frame(out / "predictions.parquet", pd.concat(parts, ignore_index=True))
    checkpoint.save(fitted.model, cell, data.labels, seed=seed, steps=fitted.steps, folder=out / "checkpoint")
    files.write_json(out / "run.json", {"threads": 1, "device": "cpu", "precision": "fp32"})


def cook(results: Path, model: Path, out: Path, method: str, combine: dict[str, Any], members: str = "*") -> dict:
    runs = {f"{method}/seed-{seed}": results / f"train/{method}/seed-{seed}/predictions.parquet" for seed in SEEDS}
    declared = {"task": "classification", "name": "e", "members": [f"{method}/{members}"], "combine": combine}
    stage.run(declared, results / "prepare", runs, out, model=model, tokens=results / "tokens")
    return files.read_json(out / "members.json")


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.safetensors")
    return weights.read(path)


@pytest.mark.parametrize("method", ["full", "lora", "adapter", "probe", "logistic"])
def test_a_soup_is_the_mean_of_the_members_tensors(results, tiny_folder, tmp_path, method):
    told = cook(results, tiny_folder, tmp_path / "out", method, {"name": "soup"})
    mean = tensors(tmp_path / "out/checkpoint")
    each = [tensors(results / f"train/{method}/seed-{seed}/checkpoint") for seed in SEEDS]
    assert mean.keys() == each[0].keys()
    moved = 0
    for name, value in mean.items():
        expected = np.mean([one[name].double().numpy() for one in each], axis=0)
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-6, atol=1e-7)
        moved += not torch.equal(each[0][name], each[1][name])
    assert moved or method == "logistic"  # its optimum knows no seed
    assert [entry["weight"] for entry in told["members"]] == pytest.approx([1 / 3] * 3)
    assert told["forward_passes"] == 1
    named = {path.name for path in (tmp_path / "out/checkpoint").iterdir()}
    assert named == {path.name for path in (results / f"train/{method}/seed-0/checkpoint").iterdir()}
    assert told["checkpoint"].keys() == named


def test_its_answers_are_those_of_one_model_with_the_mean_weights(results, tiny_folder, tmp_path):
    """By transformers alone: load a member's folder, put the means in, pass the rows."""
    from transformers import AutoModelForSequenceClassification

    cook(results, tiny_folder, tmp_path / "out", "full", {"name": "soup"})
    model = AutoModelForSequenceClassification.from_pretrained(results / "train/full/seed-0/checkpoint").eval()
    each = [tensors(results / f"train/full/seed-{seed}/checkpoint") for seed in SEEDS]
    model.load_state_dict(
        {name: torch.stack([one[name] for one in each]).mean(dim=0) for name in each[0]}, strict=False
    )
    rows = files.read_frame(results / "tokens/test.parquet")
    with torch.inference_mode():
        logits = [model(input_ids=torch.tensor([list(ids)])).logits[0] for ids in rows["input_ids"]]
    expected = torch.stack(logits).softmax(dim=-1).numpy()
    found = files.read_frame(tmp_path / "out/predictions.parquet")
    found = found[found["split"] == "test"].set_index("id").loc[rows["id"]]
    np.testing.assert_allclose(np.stack(list(found["probabilities"])), expected, atol=1e-5)


@pytest.mark.parametrize("combine", [{"name": "soup"}, GREEDY])
def test_a_soup_of_one_member_answers_as_it(results, tiny_folder, tmp_path, combine):
    cook(results, tiny_folder, tmp_path / "out", "lora", combine, members="seed-1")
    own = files.read_frame(results / "train/lora/seed-1/predictions.parquet")
    soup = files.read_frame(tmp_path / "out/predictions.parquet")
    assert soup["id"].tolist() == own["id"].tolist()
    assert soup["prediction"].tolist() == own["prediction"].tolist()
    np.testing.assert_array_equal(np.stack(list(soup["probabilities"])), np.stack(list(own["probabilities"])))


def test_the_same_members_give_the_same_bytes(results, tiny_folder, tmp_path):
    for out in ("one", "other"):
        cook(results, tiny_folder, tmp_path / out, "adapter", GREEDY)
    listed = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(listed) >= 4
    for name in listed:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize("method", ["full", "logistic"])
def test_a_greedy_soup_is_never_worse_on_validation_than_its_best_member(results, tiny_folder, tmp_path, method):
    told = cook(results, tiny_folder, tmp_path / "out", method, GREEDY)
    gold = files.read_frame(results / "prepare/validation.parquet")["label"].to_numpy()
    alone = {}
    for seed in SEEDS:
        frame = files.read_frame(results / f"train/{method}/seed-{seed}/predictions.parquet")
        alone[f"{method}/seed-{seed}"] = (frame[frame["split"] == "validation"]["prediction"].to_numpy() == gold).mean()
    assert told["path"][0] == {
        "run": max(alone, key=lambda run: alone[run]),
        "value": max(alone.values()),
        "kept": True,
    }
    assert told["validation"] >= max(alone.values())
    assert len(told["path"]) == 3
    kept = sorted(step["run"] for step in told["path"] if step["kept"])
    assert [entry["run"] for entry in told["members"]] == kept
    mean = tensors(tmp_path / "out/checkpoint")
    each = [tensors(results / f"train/{run}/checkpoint") for run in kept]
    for name, value in mean.items():
        np.testing.assert_allclose(value, np.mean([one[name].numpy() for one in each], axis=0), rtol=1e-5, atol=1e-6)


def test_what_has_no_mean_is_left_out_with_the_reason(results, tiny_folder, tmp_path):
    told = cook(results, tiny_folder, tmp_path / "out", "vera", {"name": "soup"})
    assert told["left_out"] == (
        "the members' adapter_config.json differ in projection_prng_key: their weights are not of one model"
    )
    assert len(files.read_frame(tmp_path / "out/predictions.parquet")) == 0
    assert not (tmp_path / "out/checkpoint").exists()


def test_an_earlier_soup_goes_when_the_combination_changes(results, tiny_folder, tmp_path):
    cook(results, tiny_folder, tmp_path / "out", "probe", {"name": "soup"})
    assert (tmp_path / "out/checkpoint").is_dir()
    cook(results, tiny_folder, tmp_path / "out", "probe", {"name": "mean"})
    assert not (tmp_path / "out/checkpoint").exists()


def test_a_soup_without_a_model_is_told(results, tmp_path):
    runs = {"full/seed-0": results / "train/full/seed-0/predictions.parquet"}
    declared = {"task": "classification", "name": "e", "members": ["*"], "combine": {"name": "soup"}}
    with pytest.raises(DataError, match=r"^ensembles\.e: the members become one model; needed: --model and --tokens$"):
        stage.run(declared, results / "prepare", runs, tmp_path / "out")


def test_a_missing_checkpoint_or_record_is_told(results, tiny_folder, tmp_path):
    runs = {}
    for seed in SEEDS:
        shutil.copytree(results / f"train/probe/seed-{seed}", tmp_path / f"seed-{seed}")
        runs[f"probe/seed-{seed}"] = tmp_path / f"seed-{seed}/predictions.parquet"
    declared = {"task": "classification", "name": "e", "members": ["*"], "combine": {"name": "soup"}}

    def cooked() -> None:
        stage.run(declared, results / "prepare", runs, tmp_path / "out", model=tiny_folder, tokens=results / "tokens")

    files.write_json(tmp_path / "seed-0/run.json", {"device": "cpu", "precision": "fp32"})
    with pytest.raises(DataError, match=r"seed-0/run\.json: 'threads' is missing; delete the run's folder"):
        cooked()
    shutil.rmtree(tmp_path / "seed-1/checkpoint")
    with pytest.raises(DataError, match=r"seed-1/checkpoint/tuneproof\.json: file not found"):
        cooked()


def test_tensors_of_other_shapes_or_other_whole_numbers_have_no_mean():
    one = {"w": torch.zeros(2), "k": torch.tensor([3])}
    found = checkpoints.mean_of([one, {"w": torch.ones(2), "k": torch.tensor([3])}], "x")
    assert found["w"].tolist() == [0.5, 0.5]
    assert found["k"].tolist() == [3]
    with pytest.raises(MethodError, match="the members' x do not hold tensors of the same names and shapes"):
        checkpoints.mean_of([one, {"w": torch.zeros(3), "k": torch.tensor([3])}], "x")
    with pytest.raises(MethodError, match="the members' x differ in k, which holds whole numbers"):
        checkpoints.mean_of([one, {"w": torch.zeros(2), "k": torch.tensor([4])}], "x")


def test_half_precision_is_averaged_in_double():
    parts = [{"w": torch.tensor([value], dtype=torch.bfloat16)} for value in (1.0, 1.0078125, 1.0, 1.0)]
    found = checkpoints.mean_of(parts, "x")["w"]
    assert found.dtype == torch.bfloat16
    assert float(found) == 1.0  # 1.001953125, rounded once
