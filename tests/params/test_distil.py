"""Distillation in a params file: how it is declared, what is refused, and which jobs come of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tuneproof import handover, params, settings, strict_yaml
from tuneproof.errors import ParamsError

ENSEMBLES = {"all-full": {"members": ["full/*"]}, "greedy": {"members": ["full/*"], "combine": "greedy"}}


def loaded(method: dict[str, Any] | None, ensembles: Any = None, **datasets: Any) -> params.Params:
    content = strict_yaml.read(Path(__file__).parents[2] / "experiments/tiny.yaml")
    content["ensembles"] = ENSEMBLES if ensembles is None else ensembles
    if method is not None:
        content["methods"]["small"] = method
    for name, changes in datasets.items():
        content["datasets"][name.replace("_", "-")] |= changes
    return params.check(content, where="p")


def test_an_ensembles_name_is_enough_and_options_are_filled_in() -> None:
    short = loaded({"tuning": "lora", "distil": "all-full"}).methods["small"]
    options = {"ensemble": "all-full", "temperature": 2.0, "weight": 0.5}
    assert short.distil == {"name": "distil", **options}
    assert loaded({"tuning": "lora", "distil": options}).methods["small"] == short
    assert loaded({"tuning": "lora", "distil": {"ensemble": "all-full", "weight": 1}}).methods["small"].distil == {
        "name": "distil", **options, "weight": 1.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ({"distil": "all-fool"}, 'found "all-fool"; allowed: all-full, greedy; did you mean all-full?'),
        ({"distil": "greedy"}, "ensembles.greedy combines by greedy; allowed: an ensemble that combines by mean"),
        ({"distil": 3}, "found 3; allowed: the name of an entry of ensembles, or a mapping with ensemble, temperature, "
                        "weight"),
        ({"distil": "all-full", "augment": "mention"},
         "found beside augment mention, whose rows no teacher answers; allowed: one of them"),
        ({"distil": "all-full", "regularisers": ["rdrop", "label-smoothing"]},
         "found label-smoothing and distil, which each replace the loss; allowed: one of them"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_line(method: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamsError) as caught:
        loaded({"tuning": "lora", **method})
    assert caught.value.lines == [f"p: methods.small.distil: {line}"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"temperature": 0}, "temperature: found 0; allowed: a number, above 0 and at most 100"),
        ({"weight": 1.5}, "weight: found 1.5; allowed: a number, above 0 and at most 1"),
        ({"wait": 1}, "wait: unknown key; allowed: ensemble, temperature, weight"),
    ],
)
def test_a_wrong_option_is_named_with_its_key(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamsError) as caught:
        loaded({"tuning": "lora", "distil": {"ensemble": "all-full", **options}})
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(f"p: methods.small.distil.{line}")


def test_nobody_learns_from_a_student() -> None:
    with pytest.raises(ParamsError) as caught:
        loaded({"tuning": "lora", "distil": "firsts"}, {"firsts": {"members": ["*/seed-0"]}})
    assert caught.value.lines == [
        "p: methods.small.distil: ensembles.firsts has runs of small; allowed: members that learn from no ensemble"
    ]


def test_distil_is_no_entry_of_regularisers() -> None:
    with pytest.raises(ParamsError) as caught:
        loaded({"tuning": "lora", "regularisers": [{"name": "distil", "ensemble": "all-full"}]})
    assert 'methods.small.regularisers.0.name: found "distil"; allowed: ' in caught.value.lines[0]


# jobs


def test_a_student_and_its_teacher_become_jobs(tmp_path: Path) -> None:
    declared = loaded({"tuning": "lora", "distil": "all-full", "regularisers": ["rdrop"]})
    plan = settings.write(declared, tmp_path)
    teachers = [(dataset, "minilm", "all-full") for dataset in ("movie-sentiment", "tweet-ner")]
    assert plan.teachers() == teachers
    assert handover.expected(declared, plan, "teach") == {"/".join(teacher) for teacher in teachers}
    cells = {(cell.dataset, cell.method): cell for cell in plan.cells}
    assert cells["tweet-ner", "small"].teacher() == "all-full"
    assert [part["name"] for part in cells["tweet-ner", "small"].regularisers] == ["rdrop", "distil"]
    assert cells["tweet-ner", "lora"].teacher() is None
    written = json.loads((tmp_path / "settings/teach/tweet-ner/minilm/all-full.json").read_text())
    assert written == {"name": "all-full", "task": "ner", "members": ["full/seed-0", "full/seed-1"]}


def test_without_a_student_all_settings_are_what_they_were(tmp_path: Path) -> None:
    def written(declared: params.Params, folder: Path) -> dict[str, bytes]:
        settings.write(declared, folder)
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.json")}
        return {name: content for name, content in found.items() if "report" not in name and "across" not in name}

    without = written(loaded(None), tmp_path / "a")
    beside = written(loaded({"tuning": "lora", "distil": "all-full"}), tmp_path / "b")
    assert not any("teach" in name for name in without)
    assert {name: beside[name] for name in without} == without
    assert not any(b"distil" in content for content in without.values())


@pytest.mark.parametrize(
    ("method", "datasets", "reason"),
    [
        ({"tuning": "lora"}, {"tweet_ner": {"methods": ["small", "lora"]}},
         "it learns from the ensemble all-full, of which no member runs here"),
        ({"tuning": "nn-tagger"}, {}, "nn-tagger takes no gradient steps, which distil needs"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_learn_the_method_is_left_out(
    method: dict[str, Any], datasets: dict[str, Any], reason: str
) -> None:
    plan = settings.plan(loaded({**method, "distil": "all-full"}, **datasets))
    told = {(entry["dataset"], entry["method"]): entry["reason"] for entry in plan.left_out}
    assert told["tweet-ner", "small"] == reason
    assert ("tweet-ner", "minilm", "all-full") not in plan.teachers()
