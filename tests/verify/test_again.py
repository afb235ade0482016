"""When predictions made again count as the same."""

from __future__ import annotations

from importlib.metadata import version

import pandas as pd
import pytest

from tuneproof.files import write_json
from tuneproof.train.run import PACKAGES
from tuneproof.verify import again

STORED = pd.DataFrame({"id": ["a", "b"], "prediction": ["x", "y"], "probabilities": [[0.75, 0.25], [0.25, 0.75]]})


def judged(tmp_path, other, *, hardware="another machine", precision="fp32"):
    about = {"device": "cpu", "precision": precision, "packages": {name: version(name) for name in PACKAGES}}
    write_json(tmp_path / "provenance.json", {"hardware": hardware})
    return again._same_answers("predictions", STORED, other, about, tmp_path)


@pytest.fixture
def here():
    from tuneproof.train import device

    return device.hardware(device.pick_device("cpu"))


def with_first(value: float) -> pd.DataFrame:
    return STORED.assign(probabilities=[[value, 1 - value], [0.25, 0.75]])


def test_bit_for_bit(tmp_path, here):
    assert judged(tmp_path, STORED.copy(), hardware=here).detail == "2 rows, bit for bit"


def test_on_the_same_machine_any_difference_counts(tmp_path, here):
    item = judged(tmp_path, with_first(0.750001), hardware=here)
    assert item.outcome == "differs"
    assert "probabilities: 1 of 2 rows, by up to 1e-06" in item.detail


@pytest.mark.parametrize(("precision", "value", "outcome"), [
    ("fp32", 0.75001, "same"),
    ("fp32", 0.76, "differs"),
    ("bf16", 0.76, "same"),
    ("bf16", 0.7, "differs"),
])  # fmt: skip
def test_elsewhere_rounding_is_allowed(tmp_path, precision, value, outcome):
    item = judged(tmp_path, with_first(value), precision=precision)
    assert item.outcome == outcome
    assert "then another machine" in item.detail


def test_another_answer_is_never_the_same(tmp_path):
    assert judged(tmp_path, STORED.assign(prediction=["x", "x"])).outcome == "differs"


def test_other_rows_are_never_the_same(tmp_path):
    assert judged(tmp_path, STORED.head(1)).detail.startswith("2 rows; again 1")
