"""Tables of attacks and of forgetting, against counts by hand and scipy's Wilson interval."""

import pandas as pd
import pytest
from scipy.stats import binomtest

from tuneproof import files
from tuneproof.challenge.inside import ATTACK as WRITTEN
from tuneproof.errors import DataError
from tuneproof.evaluate import inside, tables

IDS = [f"r{row}" for row in range(10)]
GOLD = pd.DataFrame({"id": IDS, "label": ["good"] * 5 + ["bad"] * 5})
ANSWERS = ["good"] * 4 + ["bad"] * 6  # r4 is wrong


def challenged(folder, success, *, notes=None, ids=IDS, answers=ANSWERS, seeds=(0,)):
    rows, asked = [], []
    for seed in seeds:
        for place, (row, turned) in enumerate(zip(ids, success, strict=True)):
            rows.append({"seed": seed, "id": row, "success": turned, "words": 10, "words_changed": place % 4 + 1,
                         "queries": 10 + place, "text": "x"})  # fmt: skip
        given = {"unchanged": answers, "case": ["bad"] * 10}
        asked += [
            pd.DataFrame({"seed": seed, "challenge": name, "id": IDS, "prediction": one}) for name, one in given.items()
        ]
    files.write_frame(folder / "attack.parquet", pd.DataFrame(rows, columns=list(WRITTEN)))
    files.write_frame(folder / "predictions.parquet", pd.concat(asked))
    kept = {
        "seed": [0, 0],
        "measure": ["cka", "similarity"],
        "value": [0.51234567, None],
        "note": [None, "not defined: x"],
    }
    files.write_frame(folder / "forgetting.parquet", pd.DataFrame(kept))
    files.write_json(folder / "challenge.json", {"notes": notes or {}})
    return {"full": folder}


def test_successes_count_among_the_rows_that_were_answered_right(tmp_path):
    turned = [True, True, False, False, True, True, False, False, False, False]  # r4 was wrong before
    found = inside.tables(challenged(tmp_path, turned), GOLD, 0.95)["attack"]
    (row,) = found
    interval = binomtest(3, 9).proportion_ci(0.95, method="wilson")
    assert (row["rows"], row["right"], row["seed"]) == (10, 9, 0)
    assert row["accuracy_before"] == 0.9
    assert row["accuracy_after"] == 0.6
    assert row["success_rate"] == pytest.approx(3 / 9, rel=1e-5)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-5)
    # r0, r1 and r5 changed 1, 2 and 2 of 10 words
    assert row["words_changed"] == pytest.approx(5 / 30, rel=1e-5)
    assert row["queries"] == pytest.approx((sum(range(10)) - 4) / 9 + 10, rel=1e-5)
    assert "note" not in row


def test_each_run_has_its_row_and_forgetting_its_values(tmp_path):
    found = inside.tables(challenged(tmp_path, [True] * 10, seeds=(0, 1)), GOLD, 0.95)
    assert [row["seed"] for row in found["attack"]] == [0, 1]
    assert found["forgetting"] == [
        {"method": "full", "seed": 0, "measure": "cka", "value": 0.512346, "note": ""},
        {"method": "full", "seed": 0, "measure": "similarity", "value": None, "note": "not defined: x"},
    ]
    for name, rows in found.items():
        tables.write(
            tmp_path / "out", name, inside.COLUMNS[name], [{"dataset": "d", "model": "m", **row} for row in rows]
        )
        assert len(pd.read_csv(tmp_path / "out" / f"{name}.csv")) == 2


def test_what_is_not_defined_says_why(tmp_path):
    none = inside.tables(challenged(tmp_path / "a", [False] * 10), GOLD, 0.95)["attack"][0]
    assert none["success_rate"] == 0.0
    assert none["note"] == "words_changed not defined: no attack succeeded"
    wrong = inside.tables(challenged(tmp_path / "b", [True] * 10, answers=["ugly"] * 10), GOLD, 0.95)["attack"][0]
    assert (wrong["accuracy_before"], wrong["accuracy_after"]) == (0.0, 0.0)
    assert wrong["note"] == "success not defined: no row was answered right before"
    assert "success_rate" not in wrong


def test_notes_of_the_stage_stand_in_the_table_and_what_was_not_asked_for_does_not(tmp_path):
    notes = {"attack": "not defined: ner", "forgetting": "not asked for"}
    found = inside.tables(challenged(tmp_path, [True] * 10, notes=notes), GOLD, 0.95)
    assert found == {"attack": [{"method": "full", "note": "not defined: ner"}], "forgetting": []}


def test_a_method_that_was_left_out_has_no_row_and_a_missing_file_a_note(tmp_path):
    folder = challenged(tmp_path, [True] * 10)["full"]
    (folder / "attack.parquet").unlink()
    assert inside.tables({"full": folder}, GOLD, 0.95)["attack"][0]["note"] == "not evaluated: no attack.parquet"
    files.write_json(folder / "challenge.json", {"left_out": "does not fit"})
    assert inside.tables({"full": folder}, GOLD, 0.95) == {"attack": [], "forgetting": []}


def test_other_rows_are_not_judged_and_a_damaged_file_is_an_error(tmp_path):
    strange = [f"s{row}" for row in range(10)]
    row = inside.tables(challenged(tmp_path, [True] * 10, ids=strange), GOLD, 0.95)["attack"][0]
    assert row["note"].startswith("not evaluated: rows that are not in the test split")
    files.write_frame(tmp_path / "attack.parquet", pd.DataFrame({"id": IDS}))
    with pytest.raises(DataError, match=r"attack\.parquet: no column seed"):
        inside.tables({"full": tmp_path}, GOLD, 0.95)
