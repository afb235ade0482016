"""Addresses of figures that are no scores, their chains, and what can be computed again of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tuneproof import files
from tuneproof.cell import Cell, Search, Training
from tuneproof.errors import DataError, TuneproofError
from tuneproof.files import write_json, write_text
from tuneproof.trace import reference
from tuneproof.trace.chain import Chain
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trial import point
from tuneproof.verify import figures as verified

PAIR = "tweets/mini"
CELL = Cell(
    dataset="tweets",
    model="mini",
    method="lora",
    task="ner",
    tuning={"name": "lora"},
    augmentation="none",
    adversarial=None,
    training=Training(),
    learning_rates=(1e-4, 1e-2, 1e-3),
    search=Search(trials=3, startup=2),
)
SECOND = point(CELL, 1)
FILES = {
    "report/leaderboard.csv": """\
dataset,model,method,kind,score,value,low,high,seed_mean,seed_sd,seeds,group,trainable_parameters,train_seconds
tweets,mini,lora,method,entity_f1,0.41,0.3,0.5,0.41,0.01,2,a,1000,4.5
tweets,mini,all,ensemble,entity_f1,0.45,0.35,0.55,,,,a,,13
""",
    "report/learning_curves.csv": """\
dataset,model,method,seed,epoch,train_loss,validation
tweets,mini,lora,0,1,0.7,0.3
tweets,mini,lora,0,2,0.5,0.4
tweets,mini,lora,1,2,0.6,0.42
""",
    f"evaluate/{PAIR}/scores.csv": """\
dataset,model,method,kind,split,seed,score,value,low,high,note
tweets,mini,lora,method,validation,,entity_f1,0.52,0.42,0.62,
tweets,mini,lora,method,test,0.0,entity_f1,0.4,0.31,0.51,
tweets,mini,lora,method,test,,entity_f1,0.41,0.3,0.5,
tweets,mini,lora,method,test,,entity_recall,,,,not defined
""",
    f"evaluate/{PAIR}/robustness.csv": """\
dataset,model,method,challenge,score,strength,rows,rows_changed,seeds,unchanged,changed,drop,low,high,note
tweets,mini,lora,typos,entity_f1,0.1,100,98,1,0.4,0.3,0.1,0.02,0.18,one seed
tweets,mini,lora,mean,entity_f1,,100,,1,0.4,0.35,0.05,0.01,0.09,one seed
tweets,mini,lora,synonym,entity_f1,,,,,,,,,,not challenged: WordNet not found
""",
    f"evaluate/{PAIR}/checks.csv": """\
dataset,model,method,check,kind,seed,cases,failures,rate,low,high,example,answer,variant,variant_answer,note
tweets,mini,lora,praise,function,1,4,1,0.25,0.05,0.7,so good,bad (0.9),,,
tweets,mini,lora,ugly,function,,,,,,,,,,,not checked: no class ugly
""",
    f"evaluate/{PAIR}/transfer.csv": """\
dataset,model,method,test_on,score,rows,seeds,value,low,high,note
tweets,mini,lora,news,entity_f1,48,1,0.2,0.1,0.3,one seed
""",
    f"evaluate/{PAIR}/attack.csv": """\
dataset,model,method,seed,rows,right,success_rate,low,high,queries,note
tweets,mini,lora,1.0,20,18,0.5,0.3,0.7,21.5,
tweets,mini,probe,,,,,,,,not defined: ner
""",
    f"evaluate/{PAIR}/forgetting.csv": """\
dataset,model,method,seed,measure,value,note
tweets,mini,lora,0,cka,0.91,
tweets,mini,lora,0,similarity,,not defined: all sentences have the same embedding
""",
    f"evaluate/{PAIR}/comparisons.csv": """\
dataset,model,a,b,score,difference,low,high,p,p_holm,distinguishable,detectable,note
tweets,mini,lora,probe,entity_f1,0.1,0.02,0.18,0.012,0.024,True,0.09,
tweets,mini,all,lora,entity_f1,0.04,-0.01,0.09,0.2,0.2,False,0.09,one set of predictions
""",
    f"evaluate/{PAIR}/ensembles.csv": """\
dataset,model,method,combine,score,runs,members,forward_passes,q_statistic,best_member,gain,low,high,note
tweets,mini,all,mean,entity_f1,2,2,2,0.5,lora/seed-0,0.04,-0.01,0.09,one set of predictions
""",
    f"evaluate/{PAIR}/calibration.csv": """\
dataset,model,method,kind,split,seed,scaling,measure,value,low,high,note
tweets,mini,lora,method,test,0,none,ece,0.11,0.08,0.15,
tweets,mini,lora,method,test,,none,ece,0.1,0.07,0.14,
tweets,mini,lora,method,test,,temperature,ece,0.05,0.03,0.09,
""",
    f"evaluate/{PAIR}/reliability.csv": """\
dataset,model,method,kind,split,scaling,bin,items,confidence,accuracy,low,high,note
tweets,mini,all,ensemble,test,none,1,20,0.97,0.95,0.9,1,
tweets,mini,all,ensemble,test,none,2,20,0.9,0.85,0.8,0.9,
""",
    f"evaluate/{PAIR}/risk_coverage.csv": """\
dataset,model,method,kind,split,coverage,risk,low,high,note
tweets,mini,lora,method,test,0.5,0.12,0.1,0.15,
""",
    f"evaluate/{PAIR}/slices.csv": """\
dataset,model,method,kind,split,slice,score,rows,value,low,high,note,rest,gap,gap_low,gap_high,gap_note
tweets,mini,lora,method,test,short,entity_f1,40,0.3,0.2,0.4,,0.42,-0.12,-0.2,-0.03,
""",
    f"evaluate/{PAIR}/entities.csv": """\
dataset,model,method,kind,split,type,measure,value,low,high,note
tweets,mini,lora,method,test,geo/place,recall,0.3,0.2,0.4,
tweets,mini,lora,method,test,all,recall,0.5,0.4,0.6,
""",
    f"evaluate/{PAIR}/confusion.csv": """\
dataset,model,method,kind,split,gold,predicted,answers,share,note
tweets,mini,lora,method,test,O,O,40,0.8,
tweets,mini,lora,method,test,O,a: b/c,10,0.2,
tweets,mini,probe,method,test,,,,,no run to judge
""",
    f"evaluate/{PAIR}/mistakes.csv": """\
dataset,model,method,kind,split,rank,id,gold,predicted,confidence,error,seeds_wrong,seeds,note
tweets,mini,lora,method,test,1.0,4f7d,–,person 1–1,0.97,,2,2,
tweets,mini,lora,method,test,2.0,ce7e,O,person 2–2,0.91,,1,2,
tweets,mini,all,ensemble,test,,,,,,,,,no mistake
""",
    f"search/{PAIR}/lora/trials.csv": f"""\
trial,state,learning_rate,warmup_ratio,epochs,value
0,complete,0.001,0.1,3,0.5
1,pruned,{SECOND["learning_rate"]!r},{SECOND["warmup_ratio"]!r},1,0.2
2,complete,0.002,0.05,3,0.6
""",
    f"train/{PAIR}/lora/seed-0/history.csv": "epoch,step,train_loss,validation_loss\n1,4,0.7,0.8\n2,8,0.5,0.6\n",
}
BEST = {
    "learning_rate": 0.002,
    "warmup_ratio": 0.05,
    "score": "entity_f1",
    "value": 0.6,
    "trial": 2,
    "trials": 3,
    "range": [1e-4, 1e-2],
    "edge": None,
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results")
    about = {
        "datasets": {"tweets": {"task": "ner", "primary": "entity_f1"}},
        "cells": [["tweets", "mini", "lora"], ["tweets", "mini", "probe"]],
        "seeds": [0, 1],
        "ensembles": [["tweets", "mini", "all"]],
    }
    write_json(folder / "settings/report.json", about)
    for method in ("lora", "probe"):
        write_json(folder / f"settings/cell/{PAIR}/{method}.json", CELL.model_dump(mode="json"))
    for name, text in FILES.items():
        write_text(folder / name, text)
    write_json(folder / f"search/{PAIR}/lora/best.json", BEST)
    run = folder / f"train/{PAIR}/lora/seed-0"
    write_text(run / "checkpoint/weights", "x" * 100)
    write_json(run / "cost.json", {"train_seconds": 4.0, "checkpoint_bytes": 100, "device": "cpu"})
    trials = files.sha256(folder / f"search/{PAIR}/lora/trials.csv")
    about_run = {"schema": 3, "seed": 0, "trainable_parameters": 1000, "validation": {"entity_f1": 0.5}}
    write_json(run / "run.json", {**about_run, "inputs": {"trials": trials}})
    write_json(
        run / "provenance.json", {"files": {name: files.sha256(run / name) for name in ("cost.json", "run.json")}}
    )
    write_json(folder / f"challenge/{PAIR}/lora/challenge.json", {"seeds": [1]})
    write_json(folder / f"ensemble/{PAIR}/all/members.json", {"members": [{"run": "lora/seed-0", "weight": 1.0}]})
    return folder


LORA = [Run("tweets", "mini", "lora", seed) for seed in (0, 1)]
ALL = Ensemble("tweets", "mini", "all")


@pytest.mark.parametrize(
    ("address", "value", "made"),
    [
        ("report/leaderboard.csv:tweets/lora/entity_f1/low", 0.3, LORA),
        ("report/leaderboard.csv:tweets/mini/lora/high", 0.5, LORA),
        ("report/leaderboard.csv:all/high", 0.55, [ALL]),
        ("report/leaderboard.csv:lora/train_seconds", 4.5, LORA),
        ("report/leaderboard.csv:all/train_seconds", 13, [ALL]),
        ("report/leaderboard.csv:all/trainable_parameters", None, [ALL]),
        ("report/learning_curves.csv:tweets/lora/seed-0/epoch-2/train_loss", 0.5, LORA[:1]),
        ("report/learning_curves.csv:lora/seed-1/epoch-2/validation", 0.42, LORA[1:]),
        (f"evaluate/{PAIR}/scores.csv:lora/entity_f1/low", 0.3, LORA),
        (f"evaluate/{PAIR}/scores.csv:lora/validation/entity_f1/low", 0.42, LORA),
        (f"evaluate/{PAIR}/scores.csv:lora/seed-0/entity_f1/high", 0.51, LORA[:1]),
        (f"evaluate/{PAIR}/scores.csv:lora/entity_recall/high", None, LORA),
        (f"evaluate/{PAIR}/comparisons.csv:all/lora/p", 0.2, [ALL, *LORA]),
        (f"evaluate/{PAIR}/comparisons.csv:tweets/mini/lora/all/p_holm", 0.2, [ALL, *LORA]),
        (f"evaluate/{PAIR}/robustness.csv:lora/typos/entity_f1/drop", 0.1, LORA),
        (f"evaluate/{PAIR}/robustness.csv:tweets/mini/lora/mean/entity_f1/low", 0.01, LORA),
        (f"evaluate/{PAIR}/robustness.csv:lora/synonym/entity_f1/drop", None, LORA),
        (f"evaluate/{PAIR}/checks.csv:lora/praise/rate", 0.25, LORA[1:]),
        (f"evaluate/{PAIR}/checks.csv:lora/seed-1/praise/failures", 1, LORA[1:]),
        (f"evaluate/{PAIR}/transfer.csv:lora/news/entity_f1/value", 0.2, LORA),
        (f"evaluate/{PAIR}/attack.csv:lora/success_rate", 0.5, LORA[1:]),
        (f"evaluate/{PAIR}/attack.csv:tweets/mini/lora/seed-1/low", 0.3, LORA[1:]),
        (f"evaluate/{PAIR}/forgetting.csv:lora/cka", 0.91, LORA[:1]),
        (f"evaluate/{PAIR}/forgetting.csv:lora/seed-0/similarity", None, LORA[:1]),
        (f"evaluate/{PAIR}/calibration.csv:lora/all/none/ece/value", 0.1, LORA),
        (f"evaluate/{PAIR}/calibration.csv:lora/seed-0/none/ece/high", 0.15, LORA[:1]),
        (f"evaluate/{PAIR}/calibration.csv:tweets/mini/lora/all/temperature/ece/value", 0.05, LORA),
        (f"evaluate/{PAIR}/reliability.csv:all/none/bin-2/accuracy", 0.85, [ALL]),
        (f"evaluate/{PAIR}/risk_coverage.csv:lora/coverage-0.5/risk", 0.12, LORA),
        (f"evaluate/{PAIR}/slices.csv:lora/short/gap", -0.12, LORA),
        (f"evaluate/{PAIR}/entities.csv:lora/all/recall/low", 0.4, LORA),
        (f"evaluate/{PAIR}/entities.csv:lora/geo%2Fplace/recall/value", 0.3, LORA),
        (f"evaluate/{PAIR}/confusion.csv:lora/O/O/answers", 40, LORA),
        (f"evaluate/{PAIR}/confusion.csv:tweets/mini/lora/O/a%3A%20b%2Fc/share", 0.2, LORA),
        (f"evaluate/{PAIR}/mistakes.csv:lora/rank-2/confidence", 0.91, LORA),
        (f"search/{PAIR}/lora/best.json:learning_rate", 0.002, LORA[:1]),
        (f"search/{PAIR}/lora/trials.csv:trial-2/value", 0.6, LORA[:1]),
        (f"train/{PAIR}/lora/seed-0/history.csv:epoch-2/validation_loss", 0.6, LORA[:1]),
        (f"train/{PAIR}/lora/seed-0/cost.json:checkpoint_bytes", 100, LORA[:1]),
        (f"train/{PAIR}/lora/seed-0/run.json:trainable_parameters", 1000, LORA[:1]),
        (f"train/{PAIR}/lora/seed-0/run.json:validation/entity_f1", 0.5, LORA[:1]),
    ],
)
def test_an_address_means_one_figure(results, address, value, made):
    _, figure = reference.find(f"{results}/{address}")
    assert figure.value == value
    assert [*figure.made] == made
    _, again = reference.find(f"{results}/{address.partition(':')[0]}:{figure}")
    assert again == figure, "what it is called leads to it"


def test_a_score_is_still_a_score(results):
    _, metric = reference.find(f"{results}/report/leaderboard.csv:lora/entity_f1")
    assert isinstance(metric, reference.Metric)
    assert metric.value == 0.41


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("report/leaderboard.csv:lora/lo", "last word: a score, low, high, seed_mean"),
        (
            "report/learning_curves.csv:lora/seed-0/epoch-9/validation",
            "allowed, for instance: tweets/mini/lora/seed-0/",
        ),
        ("report/learning_curves.csv:lora/seed-0/epoch-1/loss", "last word: train_loss, validation$"),
        ("report/learning_curves.csv:lora/epoch-2/validation", "found no number"),
        (f"evaluate/{PAIR}/comparisons.csv:lora/p", "allowed, for instance: .*lora/"),
        (f"evaluate/{PAIR}/comparisons.csv:lora/probe/distinguishable", "last word: difference, low, high, p, p_holm"),
        (f"search/{PAIR}/lora/best.json:rate", "allowed, for instance: .*learning_rate"),
        (f"search/{PAIR}/lora/trials.csv:trial-7/value", "allowed, for instance: trial-2/value"),
        (f"search/{PAIR}/probe/best.json:learning_rate", "file not found; run the experiment first"),
        (f"train/{PAIR}/full/seed-0/cost.json:train_seconds", "file not found; run the experiment first"),
        (f"train/{PAIR}/lora/seed-0/cost.json:device", "last word: train_seconds, checkpoint_bytes$"),
        ("cost.json:train_seconds", "allowed: FILE:NAME"),
    ],
)
def test_a_mistake_is_one_line(results, address, said):
    with pytest.raises(TuneproofError, match=said) as error:
        reference.find(f"{results}/{address}")
    assert "\n" not in str(error.value)


def test_a_run_of_another_experiment_is_none(results):
    write_json(results / f"train/{PAIR}/full/seed-0/cost.json", {"train_seconds": 4.0})
    with pytest.raises(DataError, match="full/seed-0 is no run of this experiment; allowed: tweets/mini/lora/seed-0"):
        reference.find(f"{results}/train/{PAIR}/full/seed-0/cost.json:train_seconds")


def test_a_broken_table_is_said(results):
    write_text(results / f"evaluate/{PAIR}/comparisons.csv", "dataset,model\ntweets,mini\n")
    with pytest.raises(DataError, match="not a table of figures"):
        reference.find(f"{results}/evaluate/{PAIR}/comparisons.csv:lora/probe/p")


@pytest.mark.parametrize(
    ("address", "top", "steps"),
    [
        ("report/leaderboard.csv:lora/low", "metric", {"scores", "predictions", "checkpoint", "code", "raw source"}),
        ("report/leaderboard.csv:all/train_seconds", "metric", {"ensemble", "predictions", "checkpoint", "code"}),
        ("report/learning_curves.csv:lora/seed-0/epoch-2/validation", "metric", {"checkpoint", "search", "code"}),
        (f"evaluate/{PAIR}/comparisons.csv:all/lora/p", "figure", {"scores", "ensemble", "predictions", "checkpoint"}),
        (f"evaluate/{PAIR}/ensembles.csv:all/gain", "figure", {"scores", "ensemble", "predictions", "checkpoint"}),
        (
            f"evaluate/{PAIR}/robustness.csv:lora/typos/entity_f1/low",
            "figure",
            {"robustness", "challenge", "raw source"},
        ),
        (f"evaluate/{PAIR}/checks.csv:lora/praise/rate", "figure", {"checks", "challenge", "checkpoint", "code"}),
        (f"evaluate/{PAIR}/attack.csv:lora/low", "figure", {"attack", "challenge", "checkpoint", "code", "raw source"}),
        (f"evaluate/{PAIR}/mistakes.csv:lora/rank-1/confidence", "figure", {"scores", "predictions", "checkpoint"}),
        (f"search/{PAIR}/lora/best.json:value", "figure", {"search", "tokens", "model", "code", "raw source"}),
        (f"train/{PAIR}/lora/seed-0/cost.json:train_seconds", "figure", {"checkpoint", "model", "code", "raw source"}),
    ],
)
def test_a_chain_reaches_down_to_source_and_code(results, address, top, steps):
    experiment, figure = reference.find(f"{results}/{address}")
    chain = Chain(experiment)
    root = chain.nodes[chain.metric(figure)]
    assert root.kind == top
    assert steps <= {node.kind for node in chain.nodes.values()}
    assert figure.file in {file.path for node in chain.nodes.values() for file in node.files}
    assert root.facts["value"] == figure.value


def item(results, address, tmp_path):
    """The figure's own line, where tables made again lie in `again/`."""
    experiment, figure = reference.find(f"{results}/{address}")
    return verified.figure(experiment, SimpleNamespace(new=Experiment.__new__(Again)), figure)


class Again(Experiment):
    """Tables that were made again."""

    results = Path("again")


def test_a_table_s_figure_is_compared_with_the_one_made_again(results, tmp_path):
    address = f"evaluate/{PAIR}/comparisons.csv:lora/probe/p"
    assert item(results, address, tmp_path).detail.startswith("cannot be computed again: again/evaluate")
    write_text(Path("again") / f"evaluate/{PAIR}/comparisons.csv", FILES[f"evaluate/{PAIR}/comparisons.csv"])
    assert item(results, address, tmp_path).outcome == "same"
    text = FILES[f"evaluate/{PAIR}/comparisons.csv"].replace("0.012", "0.05")
    write_text(Path("again") / f"evaluate/{PAIR}/comparisons.csv", text)
    assert str(item(results, address, tmp_path)) == (
        f"differs  results/{address.replace(':', ':tweets/mini/')} (stored 0.012, again 0.05, by +0.038)"
    )


def test_a_search_s_figures_are_computed_from_what_they_rest_on(results, tmp_path):
    assert item(results, f"search/{PAIR}/lora/best.json:learning_rate", tmp_path).outcome == "same"
    trials = results / f"search/{PAIR}/lora/trials.csv"
    assert item(results, f"search/{PAIR}/lora/trials.csv:trial-1/learning_rate", tmp_path).outcome == "same"
    hashed = item(results, f"search/{PAIR}/lora/trials.csv:trial-2/value", tmp_path)
    assert (hashed.outcome, hashed.detail) == ("same", "0.6, by its sha256")
    write_text(trials, trials.read_text().replace("0.6", "0.7").replace(repr(SECOND["learning_rate"]), "0.0042"))
    for address in ("best.json:value", "trials.csv:trial-1/learning_rate", "trials.csv:trial-2/value"):
        assert item(results, f"search/{PAIR}/lora/{address}", tmp_path).outcome == "differs", address


def test_a_cost_is_held_against_its_sha256(results, tmp_path):
    run = f"train/{PAIR}/lora/seed-0"
    assert item(results, f"{run}/cost.json:train_seconds", tmp_path).detail == "4, by its sha256"
    assert item(results, f"{run}/cost.json:checkpoint_bytes", tmp_path).detail == "100"
    write_text(results / run / "checkpoint/weights", "x" * 99)
    assert item(results, f"{run}/cost.json:checkpoint_bytes", tmp_path).outcome == "differs"
    write_json(results / run / "cost.json", {"train_seconds": 3.0})
    assert item(results, f"{run}/cost.json:train_seconds", tmp_path).outcome == "differs"
    assert item(results, f"{run}/run.json:trainable_parameters", tmp_path).outcome == "same"
