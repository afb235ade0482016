"""Crossed methods: one entry, many methods; every mistake is one line with its key path."""

from __future__ import annotations

import copy
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof import crossing, params
from tuneproof.errors import ParamsError
from tuneproof.mistakes import Mistakes

GOOD: dict[str, Any] = {
    "datasets": {"toy": {"task": "classification", "source": {"path": "toy.csv"}, "format": {"kind": "csv"}}},
    "models": {"mini": {"path": "models/mini"}},
    "augmentations": {"swap": {"technique": "synonym"}, "fgm": {"technique": "synonym", "copies": 2}},
    "seeds": [0],
}


def with_grid(entry: Any, **others: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), "methods": {"grid": entry, **others}}


def lines(content: Any) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        params.check(content)
    assert all("\n" not in line for line in caught.value.lines)
    return [line.removeprefix("params.yaml: ") for line in caught.value.lines]


def test_every_combination_but_the_excluded_is_a_method() -> None:
    grid = {
        "cross": {
            "tuning": ["full", {"name": "lora", "rank": 16}],
            "augment": ["none", "swap"],
            "adversarial": ["none", "fgm"],
        },
        "exclude": [{"tuning": "lora", "adversarial": "fgm"}],
        "training": {"epochs": 2},
        "learning_rate": [1e-5, 1e-3],
    }
    loaded = params.check(with_grid(grid, alone={"tuning": "probe"}))
    assert list(loaded.methods) == [
        *("full", "full-fgm", "full-swap", "full-swap-fgm", "lora-rank-16", "lora-rank-16-swap", "alone")
    ]
    method = loaded.methods["full-swap-fgm"]
    assert (method.tuning["name"], method.augment, method.adversarial and method.adversarial["name"]) == (
        *("full", "swap", "fgm"),
    )
    assert loaded.methods["lora-rank-16"].tuning["rank"] == 16
    assert loaded.methods["lora-rank-16"].adversarial is None
    assert all(loaded.methods[name].training == {"epochs": 2} for name in loaded.methods if name != "alone")
    assert loaded.methods["full"].learning_rate == (1e-5, 1e-3)


def test_a_method_written_alone_is_the_same_method() -> None:
    one = params.check(with_grid({"cross": {"tuning": ["full"], "regularisers": [["label-smoothing"]]}}))
    alone = {"tuning": "full", "regularisers": ["label-smoothing"]}
    assert one.methods["full-label-smoothing"] == params.check(with_grid(alone)).methods["grid"]


def test_ensembles_and_data_sets_name_what_was_crossed() -> None:
    content = with_grid({"cross": {"tuning": ["full", "probe"]}})
    content["datasets"]["toy"]["methods"] = ["probe"]
    content["ensembles"] = {"all": {"members": ["full/*"]}}
    assert params.check(content).datasets["toy"].methods == ("probe",)
    content["ensembles"] = {"all": {"members": ["grid/*"]}}
    assert lines(content)[0].startswith('ensembles.all.members.0: found "grid/*"; allowed: full/*, probe/*')


def test_names_that_would_be_alike_say_which_part_they_mean() -> None:
    grid = {"cross": {"tuning": ["full"], "augment": ["none", "fgm"], "adversarial": ["none", "fgm"]}}
    assert list(params.check(with_grid(grid)).methods) == [
        *("full", "full-adversarial-fgm", "full-augment-fgm", "full-fgm-fgm"),
    ]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("full", "full"),
        ({"name": "lora", "rank": 16, "alpha": 0.5}, "lora-rank-16-alpha-0-5"),
        ({"name": "fgm", "epsilon": 1e-5}, "fgm-epsilon-1e-5"),
        ({"name": "adalora", "initial_rank": 12}, "adalora-initial-rank-12"),
        ({"name": "adapter", "placement": "pfeiffer"}, "adapter-placement-pfeiffer"),
        ({"name": "lora", "dora": True}, "lora-dora-true"),
        (("rdrop", {"name": "ema", "decay": 0.9}), "rdrop-ema-decay-0-9"),
        ("none", ""),
        ((), ""),
    ],
)
def test_labels_are_readable(value: Any, label: str) -> None:
    assert crossing.label(value) == label


TUNED = {"tuning": ["full", "lora"]}


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"cross": {"tuning": ["ful"]}}, 'methods.grid.cross.tuning.0: found "ful"; allowed: '),
        ({"cross": {"tuning": []}}, "methods.grid.cross.tuning: found []; allowed: a list of at least 1"),
        ({"cross": {"adversarial": ["fgm"]}}, "methods.grid.cross.tuning: missing; allowed: a list of at least 1"),
        ({"cross": 3}, "methods.grid.cross: found 3; allowed: a mapping with tuning"),
        ({"cross": {**TUNED, "augmnt": ["none"]}}, "methods.grid.cross.augmnt: unknown key; allowed: tuning, augment"),
        (
            {"cross": {**TUNED, "augment": ["none", "swp"]}},
            'methods.grid.cross.augment.1: found "swp"; allowed: swap, fgm, none; did you mean swap?',
        ),
        ({"cross": {**TUNED, "adversarial": ["fgn"]}}, 'methods.grid.cross.adversarial.0: found "fgn"; allowed: '),
        (
            {"cross": {**TUNED, "regularisers": [["label-smoothing", "labels"]]}},
            'methods.grid.cross.regularisers.0.1: found "labels"; allowed: ',
        ),
        (
            {"cross": {"tuning": ["full", {"name": "lora", "rnk": 3}]}},
            "methods.grid.cross.tuning.1.rnk: unknown key; allowed: ",
        ),
        (
            {"cross": {"tuning": ["full", "lora", "full"]}},
            'methods.grid.cross.tuning.2: "full" stands there twice; allowed: each value once',
        ),
        (
            {"cross": TUNED, "exclude": [{"tuning": "lora"}, {"tuning": "full"}]},
            "methods.grid.exclude: leaves no combination; allowed: rules that leave at least one",
        ),
        (
            {"cross": TUNED, "exclude": [{"tuning": "lora", "augment": "swap"}]},
            'methods.grid.exclude.0: found {"tuning": "lora", "augment": "swap"}, which no combination is; '
            "allowed: values that `cross` lists",
        ),
        ({"cross": TUNED, "exclude": [{"tunig": "x"}]}, "methods.grid.exclude.0.tunig: unknown key; allowed: tuning"),
        (
            {"cross": TUNED, "tuning": "full"},
            "methods.grid.tuning: unknown key; allowed: cross, exclude, prefix, training, learning_rate",
        ),
        ({"cross": TUNED, "learning_rate": [3.0, 1.0]}, "methods.grid.learning_rate: found [3.0, 1.0]; allowed: [low"),
        ({"cross": TUNED, "training": {"epochs": 0}}, "methods.grid.training.epochs: found 0; allowed: a whole number"),
        (
            {"cross": {"tuning": [{"name": "lora", "rank": rank} for rank in range(1, 1002)]}},
            "methods.grid.cross: unfolds to 1,001 methods; allowed: at most 1,000",
        ),
        (
            {"cross": {"tuning": ["full"]}, "prefix": "p" * 60},
            f"methods.grid.cross: the name {'p' * 60}-full has 65 characters; allowed: 64: write this method alone",
        ),
        (
            {"cross": {"tuning": [{"name": "lora", "alpha": 0.5}, {"name": "lora", "alpha": "0-5"}]}},
            "methods.grid.cross.tuning.1.alpha: found ",
        ),
    ],
)
def test_one_mistake_is_one_line(entry: Any, line: str) -> None:
    (found,) = lines(with_grid(entry))
    assert found.startswith(line)


def test_a_name_that_another_method_has_is_a_mistake() -> None:
    assert lines(with_grid({"cross": TUNED}, full={"tuning": "full"})) == [
        "methods.grid: makes full, but methods.full is or makes one of that name; allowed: a `prefix` of its own"
    ]
    assert lines(with_grid({"cross": {"tuning": ["lora", "probe"]}}, more={"cross": {"tuning": ["probe"]}})) == [
        "methods.more: makes probe, but methods.grid is or makes one of that name; allowed: a `prefix` of its own"
    ]
    loaded = params.check(with_grid({"cross": TUNED, "prefix": "grid"}, full={"tuning": "full"}))
    assert list(loaded.methods) == ["grid-full", "grid-lora", "full"]


def test_the_schema_knows_crossed_methods() -> None:
    schema = params.schema()
    assert set(schema["$defs"]["Crossed"]["properties"]["training"]["properties"]) == set(params.Training.model_fields)
    good = with_grid(
        {"cross": {**TUNED, "regularisers": ["none", ["label-smoothing"]]}, "exclude": [{"tuning": "lora"}]}
    )
    jsonschema.validate(good, schema)
    for wrong in ({"cross": {}}, {"cross": {"tuning": "full"}}, {"cross": TUNED, "tuning": "full"}, {"crosss": TUNED}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(with_grid(wrong), schema)


WORDS = st.text("ab-1", min_size=1, max_size=4).map(lambda text: f"x{text}".rstrip("-").replace("--", "-"))
OPTIONS = st.dictionaries(st.sampled_from(["rank", "alpha", "init_r"]), st.integers(0, 20) | st.booleans(), max_size=2)
VALUES = WORDS | st.builds(lambda name, options: {"name": name, **options}, WORDS, OPTIONS)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=4, unique_by=lambda value: (crossing.label(value), value == "none"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_number_of_methods_is_the_product_without_the_excluded(data: st.DataObject) -> None:
    """And the names are unique, valid, and each leads to the parts that it says."""
    cross = {
        "tuning": data.draw(lists(VALUES)),
        "augment": data.draw(lists(WORDS | st.just("none"))),
        "adversarial": data.draw(lists(VALUES | st.just("none"))),
        "regularisers": data.draw(lists(VALUES | st.just("none"))),
    }
    combinations = [
        dict(zip(cross, values, strict=True)) for values in crossing.itertools.product(*cross.values())
    ]  # fmt: skip
    rules = data.draw(st.lists(st.sampled_from(combinations), max_size=3))
    rules = [
        {part: rule[part] for part in data.draw(st.sets(st.sampled_from(list(cross)), min_size=1))} for rule in rules
    ]

    def named(value: Any) -> dict[str, Any]:
        return value if isinstance(value, dict) else {"name": value}

    def excluded(combination: dict[str, Any]) -> bool:
        return any(
            all(named(wanted).items() <= named(combination[part]).items() for part, wanted in rule.items())
            for rule in rules
        )

    left = [combination for combination in combinations if not excluded(combination)]
    content = {"cross": {part: tuple(values) for part, values in cross.items()}, "exclude": tuple(rules)}
    try:
        methods = crossing.expand("grid", content)
    except Mistakes as error:
        (mistake,) = error.mistakes
        if not left:
            assert "leaves no combination" in mistake.text
        else:  # made-up words may say the same in two ways: told, never merged
            assert "two combinations would be called" in mistake.text or "characters; allowed: 64" in mistake.text
        return
    assert len(combinations) == math.prod(map(len, cross.values()))
    assert len(methods) == len(left)
    for name, combination in zip(methods, left, strict=True):
        assert crossing.re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name)
        assert methods[name]["tuning"] == combination["tuning"]
        assert methods[name].get("augment", "none") == combination["augment"]
        assert crossing.label(combination["tuning"]) in name
