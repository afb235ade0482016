"""experiments/all-methods.yaml compares whatever is registered, or says why not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tuneproof import catalogue, params, settings

FILE = Path(__file__).parents[2] / "experiments/all-methods.yaml"


@pytest.fixture(scope="module")
def plan() -> settings.Plan:
    return settings.plan(params.load(FILE))


def used(cells: Iterable[Any]) -> dict[str, set[str]]:
    """Kind → names of the parts that some cell has."""
    found: dict[str, set[str]] = {kind: set() for kind in catalogue.KINDS}
    for cell in cells:
        found["tuning"].add(cell.tuning["name"])
        found["adversarial"] |= {cell.adversarial["name"]} if cell.adversarial else set()
        found["regulariser"] |= {part["name"] for part in cell.regularisers}
    return found


def explained() -> dict[str, str]:
    """What the file names as left out, with its reason: `# not here: NAME: reason`."""
    return dict(re.findall(r"^ *# not here: ([a-z0-9-]+): (\S.{10,})$", FILE.read_text(), re.MULTILINE))


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_everything_that_is_registered_is_compared_or_explained(kind: str, plan: settings.Plan) -> None:
    registered = set(catalogue.KINDS[kind][0])
    missing = registered - used(plan.cells)[kind]
    assert missing <= set(explained()), "add them to experiments/all-methods.yaml"
    assert not used(plan.cells)[kind] & set(explained())


def test_the_comparison_is_as_large_as_it_says(plan: settings.Plan) -> None:
    for dataset in ("movie-sentiment", "tweet-ner"):
        mine = [cell for cell in plan.cells if cell.dataset == dataset]
        assert len(mine) >= 35
        assert len(used(mine)["tuning"]) >= 25
    assert {cell.task for cell in plan.cells} == {"classification", "ner"}


def test_every_method_has_the_same_budget(plan: settings.Plan) -> None:
    """Trials and rows are the same for all; epochs too, but for tunings that take no gradient steps."""
    from tuneproof import tunings

    assert len({cell.search.trials for cell in plan.cells}) == 1
    for cell in plan.cells:
        assert cell.training.epochs == (3 if tunings.get(cell.tuning["name"]).by_gradient else 1), cell.method


def test_an_ensemble_is_made_of_all(plan: settings.Plan) -> None:
    loaded = params.load(FILE)
    members = settings.members(loaded, plan.cells, "tweet-ner", "minilm", "all-methods")
    assert len(members) == len(loaded.seeds) * len([cell for cell in plan.cells if cell.dataset == "tweet-ner"])
