"""Addresses of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuneproof.errors import DataError, TuneproofError
from tuneproof.files import write_json, write_text
from tuneproof.trace import reference
from tuneproof.trace.experiment import Ensemble, Experiment, Run

SCORES = """\
dataset,model,method,kind,split,seed,score,value,low,high,note
tweets,mini,lora,method,validation,0,entity_f1,0.5,0.4,0.6,
tweets,mini,lora,method,validation,,entity_f1,0.52,0.4,0.6,
tweets,mini,lora,method,test,0.0,entity_f1,0.4,0.3,0.5,
tweets,mini,lora,method,test,1,entity_f1,0.42,0.3,0.5,
tweets,mini,lora,method,test,,entity_f1,0.41,0.3,0.5,
tweets,mini,lora,method,test,,entity_recall,,,,not defined
tweets,mini,all,ensemble,test,,entity_f1,0.45,0.3,0.5,
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two models on one data set, and an ensemble."""
    folder = tmp_path / "results"
    write_json(
        folder / "settings/report.json",
        {
            "datasets": {"tweets": {"task": "ner", "primary": "entity_f1"}},
            "cells": [["tweets", "mini", "lora"], ["tweets", "base", "lora"]],
            "seeds": [0, 1],
            "ensembles": [["tweets", "mini", "all"]],
        },
    )
    write_text(folder / "evaluate/tweets/mini/scores.csv", SCORES)
    write_json(
        folder / "report/metrics.json",
        {
            "tweets": {
                "mini": {"lora": {"entity_f1": 0.41}, "all": {"entity_f1": 0.45}},
                "base": {"lora": {"entity_f1": 0.7}},
            }
        },
    )
    return folder


@pytest.mark.parametrize(
    ("name", "value", "split", "seed"),
    [
        ("lora/entity_f1", 0.41, "test", None),
        ("tweets/mini/lora/entity_f1", 0.41, "test", None),
        ("lora/seed-0/entity_f1", 0.4, "test", 0),
        ("lora/seed-1/test/entity_f1", 0.42, "test", 1),
        ("lora/validation/entity_f1", 0.52, "validation", None),
        ("lora/seed-0/validation/entity_f1", 0.5, "validation", 0),
        ("lora/entity_recall", None, "test", None),
    ],
)
def test_a_name_means_one_number(results, name, value, split, seed):
    experiment, metric = reference.find(f"{results}/evaluate/tweets/mini/scores.csv:{name}")
    assert experiment.results == results
    assert (metric.value, metric.split, metric.seed) == (value, split, seed)
    assert (metric.dataset, metric.model, metric.candidate, metric.kind) == ("tweets", "mini", "lora", "method")
    seeds = [0, 1] if seed is None else [seed]
    assert metric.made_by(experiment) == [Run("tweets", "mini", "lora", number) for number in seeds]


def test_an_ensemble_is_known_by_its_settings(results):
    for file in ("evaluate/tweets/mini/scores.csv", "report/metrics.json"):
        experiment, metric = reference.find(f"{results}/{file}:all/entity_f1")
        assert metric.value == 0.45
        assert metric.made_by(experiment) == [Ensemble("tweets", "mini", "all")]


def test_a_model_is_named_where_there_are_several(results):
    with pytest.raises(
        TuneproofError, match="2 numbers are meant; name one: tweets/mini/lora/test/entity_f1, tweets/base"
    ):
        reference.find(f"{results}/report/metrics.json:tweets/lora/entity_f1")
    _, metric = reference.find(f"{results}/report/metrics.json:tweets/base/lora/entity_f1")
    assert metric.value == 0.7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "report/metrics.json:tweets/lorra/entity_f1",
            "found no number 'tweets/lorra/entity_f1'; allowed, for instance",
        ),
        ("report/metrics.json:lora", "found no number 'lora'"),
        ("report/metrics.json", "allowed: FILE:NAME"),
        ("report/index.html:lora", "allowed: FILE:NAME"),
        ("report/leaderboard.csv:lora/entity_f1", "file not found; run the experiment first"),
    ],
)
def test_a_mistake_is_one_line(results, name, message):
    with pytest.raises(TuneproofError, match=message) as error:
        reference.find(f"{results}/{name}")
    assert "\n" not in str(error.value)


def test_a_folder_without_results_is_said(tmp_path):
    with pytest.raises(DataError, match="no results"):
        Experiment(tmp_path)
    write_text(tmp_path / "report/metrics.json", "{}")
    with pytest.raises(DataError, match="no results"):
        reference.find(f"{tmp_path}/report/metrics.json:lora/entity_f1")


def test_a_broken_table_is_said(results):
    write_text(results / "evaluate/tweets/mini/scores.csv", "dataset,model\ntweets,mini\n")
    with pytest.raises(DataError, match="not a table of scores"):
        reference.find(f"{results}/evaluate/tweets/mini/scores.csv:lora/entity_f1")


def test_all_numbers_of_an_experiment(results):
    assert len(reference.everything(Experiment(results))) == 7
