"""One declaration with several sizes and draws stands for as many data sets."""

from __future__ import annotations

from typing import Any

import pytest

from tuneproof import params, settings
from tuneproof.errors import ParamsError

TOY: dict[str, Any] = {"task": "classification", "source": {"path": "toy.csv"}, "format": {"kind": "csv"}}


def content(**datasets: dict[str, Any]) -> dict[str, Any]:
    return {
        "datasets": {name.replace("_", "-"): {**TOY, **declared} for name, declared in datasets.items()},
        "models": {"mini": {"path": "models/mini"}},
        "methods": {"full": {"tuning": "full"}},
        "seeds": [0],
    }


def test_sizes_times_draws() -> None:
    found = params.check(content(movie={"train_sizes": [8, 16], "draws": 2}, other={})).datasets
    assert list(found) == ["movie-8-draw-0", "movie-8-draw-1", "movie-16-draw-0", "movie-16-draw-1", "other"]
    assert [(d.train_size, d.draw, d.family) for d in found.values()] == [
        (8, 0, "movie"), (8, 1, "movie"), (16, 0, "movie"), (16, 1, "movie"), (None, 0, None),
    ]  # fmt: skip
    assert {d.split.seed for d in found.values()} == {0}


def test_per_class_one_size_and_a_family_of_two_declarations() -> None:
    found = params.check(content(
        a={"train_per_class": [1, 4], "family": "f"}, b={"train_size": 30, "draws": 2, "family": "f"},
        c={"train_per_class": 5},
    )).datasets  # fmt: skip
    assert list(found) == ["a-1-per-class-draw-0", "a-4-per-class-draw-0", "b-30-draw-0", "b-30-draw-1", "c"]
    assert [d.train_per_class for d in found.values()] == [1, 4, None, None, 5]
    assert [d.family for d in found.values()] == ["f", "f", "f", "f", None]


def test_what_was_expanded_is_not_expanded_again() -> None:
    checked = params.check(content(movie={"train_sizes": [8, 16], "draws": 2}))
    assert params.check(checked.model_dump(mode="json", exclude_none=True)).datasets == checked.datasets


def test_more_draws_or_sizes_leave_the_settings_of_the_others_alone() -> None:
    few, many = (
        settings._contents(checked, settings.plan(checked))
        for checked in (
            params.check(content(movie={"train_sizes": [8], "draws": 1})),
            params.check(content(movie={"train_sizes": [8, 16], "draws": 3})),
        )
    )
    for name in ("prepare/movie-8-draw-0.json", "cell/movie-8-draw-0/mini/full.json"):
        assert few[name] == many[name]
    assert '"draw": 2' in many["prepare/movie-16-draw-2.json"]
    report = settings._report(*((checked := params.check(content(m={"train_per_class": [2], "draws": 2}))),
                                settings.plan(checked)))  # fmt: skip
    assert report["datasets"]["m-2-per-class-draw-1"] == {
        "task": "classification", "primary": "accuracy", "family": "m", "size": 2, "unit": "per class", "draw": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("datasets", "line"),
    [
        ({"a": {"draws": 3}}, "datasets.a.draws: found 3 draws of all rows; allowed: with a training size"),
        ({"a": {"train_size": 8, "train_sizes": [8]}},
         "datasets.a.train_sizes: found together with train_size; allowed: one of them"),
        ({"a": {"task": "regression", "train_per_class": 3}},
         "datasets.a.train_per_class: found task regression, which has no classes; use train_size"),
        ({"a": {"train_sizes": [8, 8]}},
         "datasets.a.train_sizes: found 8 more than once; allowed: each size once"),
        ({"a": {"train_sizes": [8]}, "a_8_draw_0": {}},
         "datasets.a: makes a-8-draw-0, which is there already; allowed: another name"),
        ({"a" * 60: {"train_sizes": [8]}},
         f"datasets.{'a' * 60}: makes {'a' * 60}-8-draw-0; allowed: a name of up to 64 characters"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(datasets: dict[str, dict[str, Any]], line: str) -> None:
    with pytest.raises(ParamsError) as caught:
        params.check(content(**datasets))
    assert caught.value.lines == [f"params.yaml: {line}"]
