"""What the stage `challenge` found inside stored models: attacks judged by the labels, and what bodies forgot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.challenge import UNCHANGED
from tuneproof.errors import DataError
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded

if TYPE_CHECKING:
    import pandas as pd

ATTACK = {
    **dict.fromkeys(("dataset", "model", "method"), TEXT),
    **dict.fromkeys(("seed", "rows", "right"), COUNT),
    **dict.fromkeys(("accuracy_before", "accuracy_after", "success_rate", "low", "high"), NUMBER),
    **dict.fromkeys(("words_changed", "queries"), NUMBER),
    "note": TEXT,
}
FORGETTING = {
    **dict.fromkeys(("dataset", "model", "method"), TEXT),
    "seed": COUNT,
    "measure": TEXT,
    "value": NUMBER,
    "note": TEXT,
}
COLUMNS = {"attack": ATTACK, "forgetting": FORGETTING}
OFF = "not asked for"


def tables(challenges: Mapping[str, Path], gold: pd.DataFrame, confidence: float) -> dict[str, list[dict[str, Any]]]:
    """Rows of both tables but for `dataset` and `model`, from method → folder that `challenge` wrote.

    `gold`: the prepared test rows. Of methods that were left out and of what was not asked for there are no rows; what
    cannot be judged is a row with a note. Raises `DataError` where a file is damaged.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    for method, folder in challenges.items():
        about = files.read_json(folder / "challenge.json")
        if "left_out" in about:
            continue
        notes = about.get("notes", {})
        for name, rows in found.items():
            path = folder / f"{name}.parquet"
            if name in notes:
                lines: list[dict[str, Any]] = [] if notes[name] == OFF else [{"note": notes[name]}]
            elif not path.is_file():
                lines = [{"note": f"not evaluated: no {name}.parquet"}]
            else:
                frame = _read(path, ("seed",))
                lines = list(_attacks(frame, folder, gold, confidence) if name == "attack" else _kept(frame))
            rows += [{"method": method, **line} for line in lines]
    return found


def _attacks(frame: pd.DataFrame, folder: Path, gold: pd.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    """One row a run: of the rows that it answered right before, those that the attack turned count as successes."""
    answers = _read(folder / "predictions.parquet", ("seed", "challenge", "id", "prediction"))
    answers = answers[answers["challenge"] == UNCHANGED]
    truth = gold.set_index("id")["label"]
    for seed in sorted(int(seed) for seed in frame["seed"].unique()):
        part = frame[frame["seed"] == seed]
        given = answers[answers["seed"] == seed].set_index("id")["prediction"]
        if not set(part["id"]) <= set(given.index) & set(truth.index):
            yield {"seed": seed, "note": "not evaluated: rows that are not in the test split or were not answered"}
            continue
        right = given.loc[part["id"]].to_numpy() == truth.loc[part["id"]].to_numpy()
        yield {"seed": seed, **_attack(part[right], len(part), confidence)}


def _attack(right: pd.DataFrame, rows: int, confidence: float) -> dict[str, Any]:
    """From the attacks on rows that were answered right, among so many attacked rows."""
    from statsmodels.stats.proportion import proportion_confint

    turned = right[right["success"].astype(bool)]
    line: dict[str, Any] = {
        "rows": rows,
        "right": len(right),
        "accuracy_before": rounded(len(right) / rows),
        "accuracy_after": rounded((len(right) - len(turned)) / rows),
    }
    if not len(right):
        return {**line, "note": "success not defined: no row was answered right before"}
    low, high = proportion_confint(len(turned), len(right), alpha=1 - confidence, method="wilson")
    line |= {"success_rate": rounded(len(turned) / len(right)), "low": rounded(low), "high": rounded(high)}
    line["queries"] = rounded(float(right["queries"].astype(float).mean()))
    if not len(turned):
        return {**line, "note": "words_changed not defined: no attack succeeded"}
    share = turned["words_changed"].astype(float) / turned["words"].astype(float)
    return {**line, "words_changed": rounded(float(share.mean()))}


def _kept(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    import pandas as pd

    for row in frame.to_dict("records"):
        value, note = (None if pd.isna(row[name]) else row[name] for name in ("value", "note"))
        yield {"seed": int(row["seed"]), "measure": row["measure"], "value": rounded(value), "note": note or ""}


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    frame = files.read_frame(path)
    missing = [column for column in columns if column not in frame]
    if missing:
        raise DataError(f"{path}: no column {missing[0]}; delete it and run again")
    return frame
