"""Model cards in the Hugging Face hub's format: YAML with a model index, and what a reader needs to judge the model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.report.markdown import code, markdown

if TYPE_CHECKING:
    from tuneproof.trace.experiment import Experiment

TASKS = {"classification": "text-classification", "regression": "text-classification", "ner": "token-classification"}
"""Task → the hub's name of it."""
METRICS = {"accuracy": "accuracy", "macro_f1": "f1", "entity_f1": "f1", "pearson": "pearsonr", "spearman": "spearmanr"}
"""Score → the hub's name of it; others keep their own."""
LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "gpl-3.0"}
"""Licences whose name is the hub's tag; any other is `other`, with its text as `license_name`."""


def of_ready(told: dict[str, Any], experiment: Experiment) -> str:
    """README.md of a folder that `fit` fills; `told` is its ready.json."""
    about = {name: told[name] for name in ("dataset", "model", "method", "task", "labels", "rows", "max_length")}
    about["expected"] = told["expected"]
    base = files.read_json(experiment.model_manifest(told["model"]))
    prepared = files.read_json(experiment.prepared(told["dataset"]) / "card.json")
    body = [f"# {about['dataset']}: {about['method']}", "", *what(about, base, prepared)]
    body += ["", "## How it was trained", ""]
    rows = about["rows"]
    body.append(
        f"On all labelled rows: train ({rows['train']}), validation ({rows['validation']}) and test ({rows['test']}). "
        "No row is left to score this very model on."
    )
    body += ["", *_settings(told), "", "## What to expect", "", *expected(told["expected"]), "", "## How to use it", ""]
    library = "transformers" if told["format"] == "transformers" else "peft" if told["peft"] else None
    return page(metadata(about, base, library=library), [*body, *_use(told)])


def page(head: str, body: list[str]) -> str:
    """YAML between its rules, then the text."""
    return f"---\n{head}\n---\n\n" + "\n".join(body) + "\n"


def metadata(about: dict[str, Any], base: dict[str, Any], *, library: str | None) -> str:
    """The card's YAML, by huggingface_hub's own classes. `base`: the pre-trained model's manifest.

    `library`: the one that loads the weights by itself.
    """
    from huggingface_hub import EvalResult, ModelCardData

    score, task = about["expected"], TASKS[about["task"]]
    results = None
    if score is not None:
        results = [
            EvalResult(
                task_type=task,
                dataset_type=about["dataset"],
                dataset_name=about["dataset"],
                dataset_split="test",
                metric_type=METRICS.get(score["score"], score["score"]),
                metric_name=score["score"],
                metric_value=score["value"],
            )
        ]
    data = ModelCardData(
        model_name=f"{about['dataset']}-{about['method']}",
        eval_results=results,
        library_name=library,
        pipeline_tag=task,
        tags=["tuneproof", about["method"], about["task"]],
        **_licence(str(base.get("licence", "not stated"))),
    )
    return data.to_yaml()


def _licence(stated: str) -> dict[str, Any]:
    tag = stated.strip().lower()
    if tag in LICENCES:
        return {"license": tag}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.-]+", "-", tag).strip("-") or "not-stated"}


def what(about: dict[str, Any], base: dict[str, Any], prepared: dict[str, Any]) -> list[str]:
    """Task, answers, model and data set; `base` and `prepared`: the model's manifest and the data card."""
    labels = ", ".join(code(label) for label in about["labels"])
    answers = f"one number ({code('value')})" if about["task"] == "regression" else labels
    stated = (base.get("licence", "not stated"), prepared.get("licence") or "not stated")
    source = f"; {markdown(prepared['citation'])}" if prepared.get("citation") else ""
    lines = [
        f"- task: {about['task']}; answers: {answers}",
        f"- pre-trained model: {markdown(base.get('origin', about['model']))} (licence: {markdown(stated[0])})",
        f"- data set: {about['dataset']} (licence: {markdown(stated[1])}{source})",
    ]
    return [*lines, f"- texts are cut after {about['max_length']} sub-tokens"] if "max_length" in about else lines


def _settings(told: dict[str, Any]) -> list[str]:
    training = told["training"]
    tuning = ", ".join(f"{key} {code(json.dumps(value))}" for key, value in told["tuning"].items() if key != "name")
    lines = [
        f"- method: {told['method']} (tuning {told['tuning']['name']}{', ' + tuning if tuning else ''})",
        f"- learning rate {told['learning_rate']:.3g}, warm-up ratio {told['warmup_ratio']:.3g}, as the search found; "
        f"{training['epochs']} epochs of batches of {training['batch_size']}; seed {told['seed']}",
        f"- rows learned from: {told['rows_learned_from']} (augmentation: {told['augmentation']})",
        f"- parameters: {told['trainable_parameters']:,} of {told['total_parameters']:,} learned",
    ]
    if told["adversarial"]:
        lines.append(f"- adversarial training: {told['adversarial']['name']}")
    if told["regularisers"]:
        lines.append(f"- regularisers: {', '.join(part['name'] for part in told['regularisers'])}")
    return lines


def expected(score: dict[str, Any] | None) -> list[str]:
    """`score`, `value`, `low` and `high` in a sentence."""
    if score is None:
        return ["The method was not evaluated."]
    low, high = score["low"], score["high"]
    interval = "" if low is None else f" [{low:.3f}–{high:.3f}]"
    return [
        f"Runs of the same method and settings, trained on the train split alone, reached {score['score']} "
        f"{score['value']:.3f}{interval} on the test split."
    ]


def _use(told: dict[str, Any]) -> list[str]:
    auto = tasks.get(told["task"]).auto_class
    lines = ["```sh", 'tuneproof predict --model FOLDER "A text"', "```", ""]
    if told["format"] == "transformers":
        lines += ["```python", f"from transformers import {auto}, AutoTokenizer", ""]
        lines += [f'model = {auto}.from_pretrained("FOLDER")', 'tokenizer = AutoTokenizer.from_pretrained("FOLDER")']
        return [*lines, "```"]
    if not told["peft"]:
        return [*lines, "The tuned parts fit Tuneproof's own modules around the model in `base/`."]
    lines += ["```python", "from peft import PeftModel", f"from transformers import {auto}, AutoTokenizer", ""]
    lines += [f'base = {auto}.from_pretrained("FOLDER/base")']
    lines += [
        'model = PeftModel.from_pretrained(base, "FOLDER")',
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
    ]
    return [*lines, "```"]
