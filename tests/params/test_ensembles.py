"""Ensembles in a params file: each combination with its options, and what is told of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuneproof import ensemble, params, settings, strict_yaml
from tuneproof.errors import ParamsError

NAMES = ", ".join(ensemble.COMBINATIONS)


def loaded(**declared: Any) -> params.Params:
    content = strict_yaml.read(Path(__file__).parents[2] / "experiments/tiny.yaml")
    content["methods"]["near"] = {"tuning": "knn"}
    rating = {**content["datasets"]["movie-sentiment"], "task": "regression"}
    rating.pop("label_cut")
    content["datasets"]["movie-rating"] = rating
    return params.check({**content, "ensembles": declared}, where="p")


def test_options_stand_beside_the_combination_or_inside_it() -> None:
    flat = loaded(a={"members": ["full/*"], "combine": "greedy", "size": 3})
    inside = loaded(a={"members": ["full/*"], "combine": {"name": "greedy", "size": 3}})
    assert flat.ensembles["a"] == inside.ensembles["a"]
    assert flat.ensembles["a"].combine == {"name": "greedy", "size": 3}
    assert loaded(a={"members": ["full/*"]}).ensembles["a"].combine == {"name": "mean"}


@pytest.mark.parametrize("name", [name for name in ensemble.COMBINATIONS if not ensemble.get(name).one_model])
def test_every_combination_can_be_declared(name: str) -> None:
    planned = settings.plan(loaded(a={"members": ["*"], "combine": name}))
    tasks = {"movie-sentiment": "classification", "movie-rating": "regression", "tweet-ner": "ner"}
    made = {dataset for dataset, _, _ in planned.ensembles}
    assert made == {dataset for dataset, task in tasks.items() if task in ensemble.get(name).tasks}


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        (
            {"members": ["full/*"], "combine": "greeedy"},
            f'combine: found "greeedy"; allowed: {NAMES}; did you mean greedy?',
        ),
        ({"members": ["full/*"], "combine": "greedy", "size": 0}, "size: found 0; allowed: a whole number, at least 1"),
        ({"members": ["full/*"], "size": 3}, "size: unknown key; allowed: members, combine"),
        (
            {"members": ["full/*"], "combine": "stacking", "fold": 3},
            "fold: unknown key; allowed: members, combine, folds, c, seed; did you mean folds?",
        ),
        ({"member": ["full/*"]}, "member: unknown key; allowed: members, combine; did you mean members?"),
        ({"combine": "mean"}, "members: missing; allowed: a list of at least 1, each text"),
        (
            {"members": ["full/*", "*/seed-0"], "combine": "soup"},
            "members: found runs of full, lora, probe, probe-mention, near; "
            "allowed with soup: runs of one method, as in full/*",
        ),
        (
            {"members": ["near/*"], "combine": "greedy-soup"},
            "members: greedy-soup averages weights, and knn keeps training rows instead",
        ),
    ],
)
def test_one_mistake_is_one_line(declared: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamsError) as caught:
        loaded(a=declared)
    assert caught.value.lines == [f"p: ensembles.a.{line}"]


def test_an_ensemble_that_does_not_fit_the_task_is_left_out_with_the_reason() -> None:
    planned = settings.plan(loaded(votes={"members": ["*"], "combine": "majority"}))
    assert ("movie-rating", "minilm", "votes") not in planned.ensembles
    told = [entry for entry in planned.left_out if entry["method"] == "votes"]
    reason = "majority is for classification, ner, not for regression"
    assert told == [{"dataset": "movie-rating", "model": "minilm", "method": "votes", "reason": reason}]


def test_the_stage_is_told_which_methods_leave_the_body_as_it_is(tmp_path: Path) -> None:
    settings.write(loaded(a={"members": ["*"]}), tmp_path)
    from tuneproof.files import read_json

    told = read_json(tmp_path / "settings/ensemble/movie-sentiment/minilm/a.json")
    assert told["frozen_body"] == ["near", "probe"]
    assert told["combine"] == {"name": "mean"}
