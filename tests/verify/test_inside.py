"""Tables of what is inside models: equal bytes here, rounding elsewhere, and what is neither."""

import pandas as pd
import pytest

from tuneproof import files
from tuneproof.challenge import INSIDE
from tuneproof.verify import inside

TABLES = {
    "attack": {"seed": [0, 0], "id": ["a", "b"], "success": [True, False], "words": [3, 4], "text": ["x", "y"]},
    "forgetting": {"seed": [0], "measure": ["cka"], "value": [0.5], "note": [None]},
    "attributions": {"id": ["a", "a"], "word": ["so", "it"], "value": [0.25, None], "remainder": [None, None]},
    "neighbours": {"id": ["a"], "rank": [1], "neighbour": ["n"], "cosine": [0.75]},
}


@pytest.fixture
def folders(tmp_path):
    for side in ("stored", "again"):
        for name in INSIDE:
            files.write_frame(tmp_path / side / f"{name}.parquet", pd.DataFrame(TABLES[name]))
    return tmp_path / "stored", tmp_path / "again"


def change(folder, name, column, values):
    files.write_frame(folder / f"{name}.parquet", pd.DataFrame({**TABLES[name], column: values}))


def outcomes(folders, elsewhere=""):
    return {item.what.rpartition("/")[2].removesuffix(".parquet"): item for item in inside.tables(*folders, elsewhere)}


def test_equal_bytes_are_the_same(folders):
    assert {name: item.outcome for name, item in outcomes(folders).items()} == dict.fromkeys(INSIDE, "same")


def test_rounding_is_a_difference_on_the_same_machine_alone(folders):
    change(folders[1], "forgetting", "value", [0.501])
    change(folders[1], "attack", "text", ["x", "other"])
    assert outcomes(folders)["forgetting"].outcome == outcomes(folders)["attack"].outcome == "differs"
    there = outcomes(folders, "hardware A, then B")
    assert there["forgetting"].outcome == there["attack"].outcome == "same"
    assert there["forgetting"].detail == "by rounding: hardware A, then B"


@pytest.mark.parametrize(("name", "column", "values", "told"), [
    ("forgetting", "value", [0.8], "value: by up to 0.3"),
    ("attributions", "word", ["so", "is"], "word: 1 of 2 rows"),
    ("neighbours", "neighbour", ["m"], "neighbour: 1 of 1 rows"),
    ("attack", "success", [True, True], "successes: 0.5, again 1"),
    ("attack", "id", ["a", "c"], "id: 1 of 2 rows"),
])  # fmt: skip
def test_more_than_rounding_differs_everywhere(folders, name, column, values, told):
    change(folders[1], name, column, values)
    item = outcomes(folders, "hardware A, then B")[name]
    assert item.outcome == "differs"
    assert item.detail == f"{told}; hardware A, then B"


def test_a_file_that_is_not_there_is_missing(folders):
    (folders[0] / "attack.parquet").unlink()
    assert outcomes(folders)["attack"].outcome == "missing"
