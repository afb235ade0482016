"""The teacher: rows whose label no longer fits go, the others stay."""

import pytest

from tuneproof.augment import teacher

ROWS = [
    {"id": f"{label}-{place}", "text": f"{word} thing {place}", "label": label}
    for label, word in (("bad", "awful"), ("good", "great"))
    for place in range(20)
]


def made(changes):
    by_id = {row["id"]: row for row in ROWS}
    return [(by_id[key], 0, {**by_id[key], "text": text}) for key, text in changes]


def test_a_flipped_text_is_dropped_and_a_faithful_one_stays():
    found = teacher.disagreeing(ROWS, made([("bad-0", "great thing 0"), ("bad-1", "awful stuff 1")]), 0.5)
    assert found == {0: teacher.REASON}


def test_what_was_not_made_is_not_judged():
    assert teacher.disagreeing(ROWS, [(ROWS[0], 0, None)], 0.5) == {}


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:20]])
def test_nothing_to_learn_from(rows):
    changed = [(rows[0], 0, {**rows[0], "text": "great thing"})]
    assert teacher.disagreeing(rows, changed, 0.5) == {}


def test_pairs_are_judged_by_both_texts():
    rows = [{**row, "text": "thing", "text_pair": row["text"]} for row in ROWS]
    changed = [(rows[0], 0, {**rows[0], "text_pair": "great thing 0"})]
    assert teacher.disagreeing(rows, changed, 0.5) == {0: teacher.REASON}
