"""The quality report: near duplicates, personal data, balance, and what a test split can show."""

import json
import random
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tuneproof import fetch
from tuneproof.dataset import Dataset
from tuneproof.prepare import near, personal, quality, run
from tuneproof.prepare.clean import Example, Ledger
from tuneproof.prepare.sources.base import Place

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda sigma tau upsilon omega".split()  # noqa: SIM905


def prepare(folder, files, **declared):
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    paths = {name: str(folder / f"{name}.csv") for name in files}
    source = {"path": paths if len(paths) > 1 else paths.popitem()[1]}
    dataset = Dataset.model_validate(
        {"task": "classification", "source": source, "format": {"kind": "csv"}, **declared}
    )
    run.run(dataset, "mine", fetch.fetch_data(dataset.source, folder), folder / "out")
    return json.loads((folder / "out" / "card.json").read_text(encoding="utf-8"))


def texts(count, seed=0, length=14):
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(WORDS, k=length)) for _ in range(count)]


# near duplicates


def jaccard(one, other):
    """Similarity by the definition, on sets of Python strings."""

    def grams(text):
        text = " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split()).ljust(5)
        return {text[at : at + 5] for at in range(len(text) - 4)}

    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def test_all_near_pairs_are_found_and_no_others():
    rows = texts(60)
    rows += [f"{row} and more" for row in rows[:20]] + [row.upper().replace(" ", " - ") for row in rows[20:30]]
    rows += [row.replace("a", "o") for row in rows[30:40]] + ["", "ab", "AB!", "x y"]
    expected = [(a, b) for b in range(len(rows)) for a in range(b) if jaccard(rows[a], rows[b]) >= 0.8]
    assert len(expected) > 20
    assert near.pairs(rows) == sorted(expected)


def test_blocks_do_not_change_the_pairs(monkeypatch):
    rows = [*texts(40), *(f"{row} end" for row in texts(40))]
    whole = near.pairs(rows)
    monkeypatch.setattr(near, "BLOCK", 300)
    assert near.pairs(rows) == whole
    assert near.pairs([]) == []
    assert near.pairs(["one"]) == []


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_reported_pairs_are_near(rows):
    for one, other in near.pairs(rows):
        assert one < other


def test_near_duplicates_across_splits_are_told_and_dropped(tmp_path):
    base = texts(60, length=20)
    rows = [f"{text},c{at % 2}" for at, text in enumerate(base)]
    twins = [f"{text} too,c{at % 2}" for at, text in enumerate(base)]
    files = {
        "train": [*rows[:40], *twins[:3], *twins[40:45]],
        "validation": rows[40:50],
        "test": rows[50:] + twins[45:47],
    }
    card = prepare(tmp_path, files)
    found = card["quality"]["near_duplicates"]
    assert found["within"] == {"train": 6, "validation": 0, "test": 0}
    assert found["across"] == {"train": 5, "validation": 2}
    assert found["pairs"] == 3 + 5 + 2
    assert any("5 rows of train nearly repeat" in warning for warning in card["quality"]["warnings"])
    card = prepare(tmp_path, files, near_duplicates="drop")
    assert card["rows"] == {"train": 40, "validation": 8, "test": 12}
    removed = {item["reason"]: item["count"] for item in card["removed"]}
    assert removed == {"near duplicate in train": 3, "near duplicate in validation": 5, "near duplicate in test": 2}
    assert card["quality"]["near_duplicates"]["pairs"] == 0


def test_dropping_does_not_depend_on_the_order_of_rows(tmp_path):
    rows = [
        f"{text},c{at % 2}"
        for at, text in enumerate([*texts(30, length=20), *(f"{t} x" for t in texts(30, length=20))])
    ]
    written = []
    for order in (rows, rows[::-1]):
        card = prepare(tmp_path, {"all": order}, near_duplicates="drop")
        assert card["rows_read"] == 60
        assert sum(card["rows"].values()) == 30
        written.append((tmp_path / "out" / "train.parquet").read_bytes())
    assert written[0] == written[1]


# personal data


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to Ann.Lee+x@mail.example.co.uk, please", "write to [email], please"),
        ("card 4111 1111 1111 1111!", "card [card]!"),
        ("card 4111-1111-1111-1112", "card 4111-1111-1111-1112"),
        ("call +49 30 1234567 or (030) 1234 5678 now", "call [phone] or [phone] now"),
        ("call 555-123-4567.", "call [phone]."),
        ("on 2024-05-17 and 17.05.2024, 1,234,567.89 people", "on 2024-05-17 and 17.05.2024, 1,234,567.89 people"),
        ("@home with 3 cats in 12345678", "@home with 3 cats in 12345678"),
        ("", ""),
    ],
)
def test_masks(text, masked):
    assert personal.mask(text) == masked


@pytest.mark.parametrize("number", ["4111111111111111", "5500005555555559", "378282246310005", "6011111111111117"])
def test_luhn_knows_published_test_cards(number):
    assert personal.luhn(number)
    assert not any(personal.luhn(number[:-1] + last) for last in "0123456789" if last != number[-1])


@given(st.text(alphabet="a@.-+() 0123456789", max_size=40))
def test_masking_leaves_the_rest_as_it_is(text):
    found = personal.find(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    kept = "".join(
        text[a:b] for a, b in zip([0, *(f.end for f in found)], [*(f.start for f in found), len(text)], strict=True)
    )
    rest = personal.mask(text)
    for one in found:
        rest = rest.replace(f"[{one.kind}]", "", 1)
    assert rest == kept


def test_personal_data_is_counted_and_masked_before_anything_is_written(tmp_path):
    rows = [f"{text},c{at % 2}" for at, text in enumerate(texts(30))]
    rows += ["mail a@b.org and c@d.org,c0", "ring +44 20 7946 0958,c1"]
    card = prepare(tmp_path, {"all": rows})
    counts = {"email": {"rows": 1, "found": 2}, "card": {"rows": 0, "found": 0}, "phone": {"rows": 1, "found": 1}}
    assert card["quality"]["personal_data"] == {"masked": False, **counts}
    assert "possible personal data: email in 1 rows, phone in 1 rows" in " ".join(card["quality"]["warnings"])
    card = prepare(tmp_path, {"all": rows}, mask_personal_data=True)
    assert card["quality"]["personal_data"]["email"]["found"] == 0
    written = pd.concat([pd.read_parquet(tmp_path / "out" / f"{split}.parquet") for split in card["rows"]])
    assert {"mail [email] and [email]", "ring [phone]"} <= set(written["text"])
    assert not any("@" in text for text in written["text"])


def test_masked_tokens_keep_their_tags(tmp_path):
    (tmp_path / "f").write_text("\n\n".join(f"Ann{n} B-x\na{n}@b.org O" for n in range(12)))
    declared = {"task": "ner", "source": {"path": str(tmp_path / "f")}, "format": {"kind": "conll"}}
    dataset = Dataset.model_validate({**declared, "mask_personal_data": True})
    run.run(dataset, "mine", fetch.fetch_data(dataset.source, tmp_path), tmp_path / "out")
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert sum(card["rows"].values()) == 12
    assert sum(counts["x"] for counts in card["label_counts"].values()) == 12


# balance, lengths, size


def examples(rows):
    return [
        Example(Place("f", at), {"text": text, "label": label}, text, label) for at, (text, label) in enumerate(rows)
    ]


def test_balance_and_lengths():
    rows = examples([("a b", "x")] * 6 + [("c d e", "y")] * 2)
    found = quality.balance(rows, "classification")
    assert (found["largest"], found["largest_share"], found["smallest"], found["smallest_share"]) == (
        "x",
        0.75,
        "y",
        0.25,
    )
    assert found["evenness"] == pytest.approx(stats.entropy([6, 2], base=2))
    assert quality.balance(rows, "regression") is None
    assert quality.lengths(rows)["words"] == {"min": 2, "median": 2, "p95": 3, "max": 3}
    assert quality.lengths([]) == {"words": {}, "characters": {}}


@pytest.mark.parametrize(("count", "disagreeing"), [(200, 0.1), (500, 0.1), (2000, 0.1), (500, 0.3)])
def test_detectable_difference_solves_its_equation(count, disagreeing):
    delta = quality.detectable(count, disagreeing)
    z = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(0.8)
    needed = (z[0] * disagreeing**0.5 + z[1] * (disagreeing - delta**2) ** 0.5) ** 2 / delta**2
    assert count == pytest.approx(needed, rel=0.01)


def test_a_difference_of_that_size_is_found_with_the_power_that_is_stated():
    """Simulated: of 500 pairs, one alone is right on 10 % of rows; McNemar's test without correction."""
    delta, random_ = quality.detectable(500), np.random.default_rng(0)
    shares = [(0.1 + delta) / 2, (0.1 - delta) / 2, 0.9]
    b, c, _ = random_.multinomial(500, shares, 20_000).T
    power = np.mean((b - c) ** 2 / np.maximum(b + c, 1) > stats.chi2.ppf(0.95, 1))
    assert power == pytest.approx(0.8, abs=0.02)


def test_a_tiny_test_split_shows_nothing_and_says_so(tmp_path):
    assert quality.detectable(3) is None
    assert quality.detectable(50) == pytest.approx(0.125, abs=0.03)
    card = prepare(tmp_path, {"all": [f"{text},c{at % 2}" for at, text in enumerate(texts(20))]})
    assert card["quality"]["test_size"]["detectable_difference"] is None
    assert card["quality"]["warnings"] == ["test is small (3): it shows no difference at all"]


def test_many_rows_are_not_compared_unasked(monkeypatch):
    monkeypatch.setattr(quality, "MOST", 3)
    splits = {"train": examples([(f"t{n}", "x") for n in range(4)]), "validation": [], "test": []}
    assert "not looked for in 4 rows" in quality.near_duplicates(splits)["note"]
    assert quality.without_near(splits, Ledger()) == splits
