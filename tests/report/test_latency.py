"""Which latency the page shows: one text alone where every method has it, else its share of a batch."""

from __future__ import annotations

import pytest

from tuneproof.files import read_json, write_json
from tuneproof.report import tables
from tuneproof.report.page import page

METHODS = ("full", "lora")


@pytest.fixture
def shown(write_results):
    """Panels and page of two data sets, on the first so many of which the challenge stage measured its methods."""

    def make(measured: int, methods=METHODS):
        settings, results = write_results(seeds=(0, 1), methods=METHODS)
        for dataset in list(settings["datasets"])[:measured]:
            for place, method in enumerate(methods):
                cost = {"latency_ms": {"1": 10.0 + place, "32": 99.0}}
                write_json(results / "challenge" / dataset / "tiny" / method / "cost.json", cost)
        found = tables.Results(results)
        panels = tables.panels(settings, found)
        return results, panels, page(settings, panels, found)

    return make


def test_one_text_alone_is_shown_and_named(shown):
    _, panels, text = shown(2)
    assert panels[0].latency == ({"full": 10.0, "lora": 11.0}, True)
    assert "is one text alone (a batch of 1" in text
    assert "training made in batches" not in text
    assert ">10 ms</td>" in text
    assert '"latency_ms":10.0' in text  # for the sliders


@pytest.mark.parametrize("methods", [(), ("full",)])
def test_batches_are_shown_where_a_method_lacks_the_other(shown, methods):
    results, panels, text = shown(2, methods)
    seconds = [
        read_json(results / f"train/movie/tiny/full/seed-{seed}/cost.json")["predict_seconds"] for seed in (0, 1)
    ]
    assert panels[0].latency.alone is False
    assert panels[0].latency.of["full"] == pytest.approx(1000 * sum(seconds) / 2 / 800)  # 400 validation, 400 test
    assert "share of predictions that training made in batches" in text


def test_both_kinds_are_told_apart(shown):
    _, panels, text = shown(1)
    assert [panel.latency.alone for panel in panels] == [True, False]
    assert "(a batch of 1, the median) on movie; elsewhere" in text
