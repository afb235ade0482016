"""How good a prepared data set is: balance, lengths, near duplicates, possible personal data, size of the test split.

Looks at the rows that were kept. Nothing is changed here; what a user may ask to be changed (`near_duplicates: drop`,
`mask_personal_data: true`) is done before the rows are split.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from tuneproof.dataset import Dataset
from tuneproof.prepare import language, near, personal
from tuneproof.prepare.clean import Example, Ledger

MOST = 50_000
"""Rows up to which near duplicates are looked for without being asked: about ten seconds."""

DISAGREE = 0.10
"""Share of test rows on which of two methods one alone is right; what fine-tuned models of one size often show."""

ALPHA, POWER = 0.05, 0.80
TOO_COARSE = 0.05
"""A test split that cannot show a difference of five points tells few methods apart."""

Splits = dict[str, list[Example]]


def report(dataset: Dataset, splits: Splits, ledger: Ledger) -> dict[str, Any]:
    """Content of `quality` in card.json."""
    found = {
        "classes": {split: balance(examples, dataset.task) for split, examples in splits.items()},
        "lengths": {split: lengths(examples) for split, examples in splits.items()},
        "languages": {
            split: language.languages([whole(example) for example in examples[: language.SAMPLE]])
            for split, examples in splits.items()
        },
        "repeats": {
            "repeated": ledger.counts.get("repeated text", 0),
            "conflicting": ledger.counts.get("repeated text with conflicting labels", 0),
            "across_splits": sum(count for reason, count in ledger.counts.items() if reason.startswith("also in ")),
        },
        "near_duplicates": near_duplicates(splits),
        "personal_data": {"masked": dataset.mask_personal_data, **personal_data(splits)},
        "test_size": test_size(dataset.task, splits["test"]),
    }
    return {**found, "warnings": _warnings(found)}


# balance and lengths


def balance(examples: Sequence[Example], task: str) -> dict[str, Any] | None:
    """Largest and smallest class with their shares, and evenness: entropy over that of equal shares, 0 to 1.

    ner: of mentions by type. None for regression, and where there is nothing to count.
    """
    from tuneproof.prepare.card import label_counts

    counts = label_counts(examples, task)
    if not counts:
        return None
    total = sum(counts.values())
    order = sorted(counts, key=lambda name: (-counts[name], name))
    entropy = -sum(count / total * math.log(count / total) for count in counts.values())
    return {
        "classes": len(counts),
        "largest": order[0],
        "largest_share": counts[order[0]] / total,
        "smallest": order[-1],
        "smallest_share": counts[order[-1]] / total,
        "evenness": entropy / math.log(len(counts)) if len(counts) > 1 else 0.0,
    }


def lengths(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Quantiles of words (white space apart; ner: tokens) and characters of a text, or of both texts of a pair."""
    words = [sum(map(len, _split(example))) for example in examples]
    characters = [sum(map(len, _texts(example))) for example in examples]
    return {"words": quantiles(words), "characters": quantiles(characters)}


def quantiles(values: Sequence[int]) -> dict[str, int]:
    """Smallest, middle, 95 % and largest value; where a quantile lies between two values, the lower one."""
    order = sorted(values)
    shares = {"min": 0.0, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {key: order[int(share * (len(order) - 1))] for key, share in shares.items()} if order else {}


def _texts(example: Example) -> list[str]:
    held = example.columns
    return list(held["tokens"]) if "tokens" in held else [held[key] for key in ("text", "text_pair") if key in held]


def _split(example: Example) -> list[list[str]]:
    return [example.columns["tokens"]] if "tokens" in example.columns else [text.split() for text in _texts(example)]


def whole(example: Example) -> str:
    """A row's content as one text."""
    return " ".join(_texts(example))


# near duplicates


def near_duplicates(splits: Splits) -> dict[str, Any]:
    """Rows of each split that are near another row of it, and rows near one of a split that judges them."""
    rows = [(split, example) for split, examples in splits.items() for example in examples]
    how = {"threshold": near.THRESHOLD, "measure": f"Jaccard similarity of character {near.GRAM}-grams"}
    if len(rows) > MOST:
        return {**how, "note": f"not looked for in {len(rows):,} rows (up to {MOST:,}); near_duplicates: drop does"}
    found = near.pairs([whole(example) for _, example in rows])
    within: dict[str, set[int]] = {split: set() for split in splits}
    across: dict[str, set[int]] = {"train": set(), "validation": set()}
    differing = 0
    for pair in found:
        (one, first), (other, second) = (rows[place] for place in pair)
        differing += first.answer != second.answer
        if one == other:
            within[one].update(pair)
        else:  # splits come in the order train, validation, test: the earlier one is judged by the later
            across[one].add(pair[0])
    examples = [[str(rows[place][1].place) for place in pair] for pair in found[:10]]
    return {
        **how,
        "pairs": len(found),
        "within": {split: len(places) for split, places in within.items()},
        "across": {split: len(places) for split, places in across.items()},
        "pairs_with_different_answers": differing,
        "examples": examples,
    }


def without_near(splits: Splits, ledger: Ledger) -> Splits:
    """Official splits without near duplicates: train loses what is near a row of any split, validation what is near a
    row of test. Within train the first by content stays; validation and test keep theirs.
    """
    order = [split for split in ("test", "validation", "train") if split in splits]
    rows = [(split, one) for split in order for one in sorted(splits[split], key=lambda one: one.content)]
    dropped: dict[int, str] = {}
    for earlier, later in near.pairs([whole(example) for _, example in rows]):
        judge, split = rows[earlier][0], rows[later][0]
        if earlier not in dropped and (split != judge or split == "train"):
            dropped.setdefault(later, judge)
    for place in sorted(dropped, key=lambda place: rows[place][1].place):
        ledger.remove(rows[place][1].place, f"near duplicate in {dropped[place]}")
    gone = {id(rows[place][1]) for place in dropped}
    return {split: [example for example in examples if id(example) not in gone] for split, examples in splits.items()}


# personal data, test size, warnings


def personal_data(splits: Splits) -> dict[str, dict[str, int]]:
    """Kind → rows that hold some, and how many there are."""
    rows, number = Counter[str](), Counter[str]()
    for examples in splits.values():
        for example in examples:
            kinds = [found.kind for text in _texts(example) for found in personal.find(text)]
            number.update(kinds)
            rows.update(set(kinds))
    return {kind: {"rows": rows[kind], "found": number[kind]} for kind in personal.KINDS}


def test_size(task: str, examples: Sequence[Example]) -> dict[str, Any]:
    """Rows (ner: mentions) of test, and the smallest difference between two methods that they can show."""
    if task == "regression":
        return {"rows": len(examples), "detectable_difference": None, "note": "depends on how far predictions miss"}
    from tuneproof.prepare.card import label_counts

    count = sum(label_counts(examples, task).values())
    what = "mentions" if task == "ner" else "rows"
    note = f"share of {what} answered right, two-sided test at {ALPHA:g}, power {POWER:g}, paired (Connor 1987)"
    return {what: count, "detectable_difference": detectable(count), "disagreeing": DISAGREE, "note": note}


def detectable(count: int, disagreeing: float = DISAGREE) -> float | None:
    """Smallest true difference δ of two shares that McNemar's test on `count` paired rows finds with the power.

    Solves n δ² = (z₁₋α⁄₂ √ψ + z_power √(ψ − δ²))² (Connor 1987, Biometrics 43:207) for δ, where ψ is the share of rows
    on which one method alone is right, here `disagreeing` or δ itself where that is larger. None where even methods
    that differ on every row are not told apart.
    """
    alpha, power = NormalDist().inv_cdf(1 - ALPHA / 2), NormalDist().inv_cdf(POWER)

    def shown(difference: float) -> bool:
        psi = max(disagreeing, difference)
        needed = (alpha * math.sqrt(psi) + power * math.sqrt(psi - difference**2)) ** 2
        return count * difference**2 >= needed

    if not shown(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return round(high, 4)


def _warnings(found: dict[str, Any]) -> list[str]:
    """What a person should look at, one line each."""
    told = []
    size = found["test_size"]
    if "disagreeing" in size:
        least = size["detectable_difference"]
        if least is None or least > TOO_COARSE:
            count = size.get("rows", size.get("mentions"))
            shows = "no difference at all" if least is None else f"differences below {least:.1%} of the score hardly"
            told.append(f"test is small ({count:,}): it shows {shows}")
    twins = found["near_duplicates"].get("across", {})
    told += [
        f"{count:,} rows of {split} nearly repeat a row that judges them; near_duplicates: drop removes them"
        for split, count in twins.items()
        if count
    ]
    personal_rows = {kind: found["personal_data"][kind]["rows"] for kind in personal.KINDS}
    if any(personal_rows.values()):
        counts = ", ".join(f"{kind} in {rows:,} rows" for kind, rows in personal_rows.items() if rows)
        told.append(f"possible personal data: {counts}; mask_personal_data: true masks them")
    train = found["classes"]["train"]
    if train and train["classes"] > 1 and train["smallest_share"] < 0.1 / train["classes"]:
        told.append(f"train has few examples of {train['smallest']!r}: {train['smallest_share']:.2%}")
    return [*told, *language.warnings(found["languages"])]
