"""How good the data of a tab are: what `prepare` wrote as `quality` into card.json, in the lines that a tab shows."""

from __future__ import annotations

from typing import Any


def found(card: dict[str, Any] | None) -> dict[str, Any] | None:
    """`splits` (a row each), `masked`, `personal` (kind → rows that may hold some), `test` and `warnings`.

    A row has `split`, `classes` (None where nothing is counted), `words` (quantiles, empty without rows), `twins` and
    `judged` (rows near another row of the split, and near one of a split that judges it; None: not looked for). None
    where the card has no such report.
    """
    quality = (card or {}).get("quality")
    if not quality:
        return None
    near = quality["near_duplicates"]
    splits = [
        {
            "split": split,
            "classes": classes,
            "words": quality["lengths"][split]["words"],
            "twins": near.get("within", {}).get(split),
            "judged": near.get("across", {}).get(split),
        }
        for split, classes in quality["classes"].items()
    ]
    personal = {kind: held["rows"] for kind, held in quality["personal_data"].items() if isinstance(held, dict)}
    return {
        "splits": splits,
        "masked": quality["personal_data"]["masked"],
        "personal": {kind: count for kind, count in personal.items() if count},
        "note": near.get("note"),
        "test": quality["test_size"],
        "warnings": quality["warnings"],
    }
