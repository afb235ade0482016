"""`tuneproof fit` and what it leaves: learned from every row, loadable by our own predict and by others' libraries."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard

from tuneproof import cli, files
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.ready import fit, folder, predict

TEXTS = ["red house north", "blue wine and bread at night", "a stone"]


def train(results, tmp_path, method, **options):
    given = {"dataset": None, "model": None, "seed": None, "threads": 1, **options}
    return fit.fit(results, method=method, out=tmp_path / "ready", **given)


def test_every_labelled_row_is_learned_from(small, tmp_path):
    """The nearest neighbour of each row is itself, so that random labels come back, those of the test split too."""
    results = small("classification", "knn", rate=1)
    done = train(results, tmp_path, "knn")
    assert done.rows == {"train": 30, "validation": 12, "test": 18}
    frame = pd.concat(
        [files.read_frame(results / "prepare" / "toy" / f"{split}.parquet") for split in fit.SPLITS], ignore_index=True
    )
    found = predict.answer(folder.load(done.folder), frame[["text"]].to_dict("records"))
    assert [entry["label"] for entry in found] == frame["label"].tolist()
    assert folder.about(done.folder)["rows_learned_from"] == 60


@pytest.mark.parametrize(
    ("task", "method"),
    [
        ("classification", "full"),
        ("classification", "lora"),
        ("classification", "adapter"),
        ("classification", "prompt"),
        ("classification", "bitfit"),
        ("regression", "lora"),
        ("ner", "full"),
        ("ner", "lora"),
    ],
)
def test_a_saved_model_answers_as_the_trained_one_did_and_others_can_load_it(
    small, tmp_path, monkeypatch, task, method
):
    import torch
    import transformers

    from tuneproof.train import loop

    kept = {}
    wrapped = loop.fit
    monkeypatch.setattr(loop, "fit", lambda *a, **k: kept.setdefault("fit", wrapped(*a, **k)))
    done = train(small(task, method), tmp_path, method)
    predictor = folder.load(done.folder)
    encoded = dict(predictor.tokenizer(TEXTS[1], return_tensors="pt"))
    with torch.inference_mode():
        trained = kept["fit"].model(**encoded).logits
        # one row alone: its products may differ in the last bits with their place in memory
        assert torch.allclose(predictor.model(**encoded).logits, trained, rtol=0, atol=1e-6)

    weights = list(done.folder.rglob("*.safetensors"))
    assert weights
    assert not [path for path in done.folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
    auto = getattr(transformers, predictor.task.auto_class)
    told = folder.about(done.folder)
    if told["format"] == folder.WHOLE:
        theirs = auto.from_pretrained(done.folder)
        assert not (done.folder / "base").exists()
    elif told["peft"]:
        from peft import PeftModel

        theirs = PeftModel.from_pretrained(auto.from_pretrained(done.folder / "base"), done.folder)
    else:
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(done.folder)
    again = tokenizer(TEXTS[1], return_tensors="pt")
    assert again["input_ids"].tolist() == encoded["input_ids"].tolist()
    with torch.inference_mode():
        assert torch.allclose(theirs.eval()(**again).logits, trained, atol=1e-5)


def test_the_folder_is_the_same_for_the_same_input(small, tmp_path):
    results = small("classification", "lora")
    first, second = (
        fit.fit(results, method="lora", dataset="toy", model="tiny", seed=1, threads=1, out=tmp_path / name).folder
        for name in ("a", "b")
    )
    names = sorted(path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(second).as_posix() for path in second.rglob("*") if path.is_file())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
        if not name.endswith(".safetensors"):
            assert str(tmp_path) not in (first / name).read_text()


def test_early_stopping_becomes_a_fixed_number_of_epochs(small, tmp_path):
    results = small("classification", "bitfit", training={"early_stopping": {"patience": 1, "min_delta": 0.0}})
    with pytest.raises(TuneproofError, match="early stopping without a finished run"):
        train(results, tmp_path, "bitfit")
    for seed, epoch in ((0, 3), (1, 2)):
        files.write_json(results / f"train/toy/tiny/bitfit/seed-{seed}/run.json", {"best_epoch": epoch})
    training = folder.about(train(results, tmp_path, "bitfit").folder)["training"]
    assert (training["epochs"], training["early_stopping"]) == (3, None)  # of two, the later one


def test_what_cannot_be_trained_is_one_line(small, tmp_path):
    results = small("classification", "lora")
    with pytest.raises(TuneproofError, match=r"--method: found 'lroa'; allowed: lora"):
        train(results, tmp_path, "lroa")
    (tmp_path / "ready").mkdir()
    with pytest.raises(TuneproofError, match="which exists; allowed: a new folder"):
        train(results, tmp_path, "lora")
    files.write_json(results / "search/toy/tiny/lora/best.json", {"left_out": "too long a row"})
    with pytest.raises(MethodError, match="lora cannot run here: too long a row"):
        fit.fit(results, method="lora", dataset=None, model=None, seed=None, threads=1, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_card_is_valid_for_the_hub_and_states_the_expected_score(small, tmp_path):
    results = small("classification", "lora")
    row = {"method": "lora", "split": "test", "score": "accuracy", "seed": None, "value": 0.75, "low": 0.7, "high": 0.8}
    files.write_csv(results / "evaluate/toy/tiny/scores.csv", pd.DataFrame([row]))
    done = train(results, tmp_path, "lora")
    assert done.expected == {"score": "accuracy", "value": 0.75, "low": 0.7, "high": 0.8}
    card = ModelCard.load(done.folder / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.license == "apache-2.0"
    assert card.data.library_name == "peft"
    result = card.data.eval_results[0]
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("accuracy", 0.75, "test")
    assert "accuracy 0.750 [0.700–0.800] on the test split" in card.text


def test_commands(small, tmp_path, capsys):
    results = small("classification", "lora")
    out = tmp_path / "model"
    assert cli.run_here(["fit", "--method", "lora", "--results", str(results), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "trained on 60 rows (30 train, 12 validation, 18 test)" in told
    assert cli.run_here(["predict", "--model", str(out), *TEXTS, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["text"] for answer in answers] == TEXTS
    for answer in answers:
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["confidence"] == max(answer["probabilities"].values()) == answer["probabilities"][answer["label"]]
    assert cli.run_here(["predict", "--model", str(out), TEXTS[0]]) == 0
    table = capsys.readouterr().out
    assert f"{answers[0]['confidence']:.3f}" in table
    assert answers[0]["label"] in table
    assert cli.run_here(["predict", "--model", str(results), "x"]) == 1
    assert "no ready model (ready.json not found)" in capsys.readouterr().err


def test_regression_answers_numbers(small, tmp_path):
    done = train(small("regression", "knn", rate=1), tmp_path, "knn")
    frame = files.read_frame(tmp_path / "results" / "prepare" / "toy" / "test.parquet")
    found = predict.answer(folder.load(done.folder), frame[["text"]].to_dict("records"))
    np.testing.assert_allclose([entry["value"] for entry in found], frame["label"], atol=1e-4)
