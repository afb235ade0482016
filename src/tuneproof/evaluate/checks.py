"""How often a method fails the checks of behaviour that params declare (see challenge/checks.py).

No label is needed: a check says itself what is right. A row a run: the cases are the same for all seeds, so that a
pooled rate would look surer than it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.challenge.checks import Check, Direction, Function, of
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, rounded

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **dict.fromkeys(("dataset", "model", "method", "check", "kind"), TEXT),
    "seed": COUNT,
    **dict.fromkeys(("cases", "failures"), COUNT),
    **dict.fromkeys(("rate", "low", "high"), NUMBER),
    **dict.fromkeys(("example", "answer", "variant", "variant_answer", "note"), TEXT),
}


def rows(
    challenges: Mapping[str, Path], evaluation: Mapping[str, Any], *, regression: bool = False
) -> list[dict[str, Any]]:
    """Rows of `COLUMNS` but for `dataset` and `model`, of each method (→ folder that `challenge` wrote) and check."""
    made: list[dict[str, Any]] = []
    for method, folder in challenges.items():
        about = files.read_json(folder / "challenge.json")
        if "left_out" in about or not about.get("checks"):
            continue
        frame = files.read_frame(folder / "checks.parquet")
        for name, declared in about["checks"].items():
            check, common = of(declared), {"method": method, "check": name, "kind": declared["kind"]}
            if reason := about["unchecked"].get(name):
                made.append({**common, "note": f"not checked: {reason}"})
                continue
            for seed in about["seeds"]:
                own = frame[(frame["check"] == name) & (frame["seed"] == seed)]
                line = _line(check, own, evaluation["confidence"], regression=regression)
                made.append({**common, "seed": seed, **line})
    return made


def _line(check: Check, frame: pd.DataFrame, confidence: float, *, regression: bool) -> dict[str, Any]:
    from statsmodels.stats.proportion import proportion_confint

    cases = int(frame["case"].nunique())
    if not cases:
        return {"cases": 0, "note": "not defined: no test row has a word that is replaced"}
    failed = frame[[_fails(check, own, other, regression) for own, other in _with_first(frame)]]
    failures = int(failed["case"].nunique())
    low, high = proportion_confint(failures, cases, alpha=1 - confidence, method="wilson")
    line: dict[str, Any] = {"cases": cases, "failures": failures}
    line |= {"rate": rounded(failures / cases), "low": rounded(low), "high": rounded(high)}
    return line | (_example(frame, failed.iloc[0]) if failures else {})


def _with_first(frame: pd.DataFrame) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each answer with that of its case's first text."""
    records = [{str(key): value for key, value in record.items()} for record in frame.to_dict("records")]
    first = {record["case"]: record for record in records if record["place"] == 0}
    return [(record, first[record["case"]]) for record in records]


def _fails(check: Check, own: dict[str, Any], first: dict[str, Any], regression: bool) -> bool:
    if isinstance(check, Function):
        return bool(own["prediction"] != check.expect)
    if isinstance(check, Direction):
        return bool(own["value"] < first["value"] - check.tolerance)
    if regression:
        return bool(abs(own["value"] - first["value"]) > check.tolerance)
    return bool(own["prediction"] != first["prediction"])


def _example(frame: pd.DataFrame, failed: pd.Series[Any]) -> dict[str, Any]:
    """The first failure: the text of its case and its answer, and the variant that fails where there is one."""
    first = frame[(frame["case"] == failed["case"]) & (frame["place"] == 0)].iloc[0]
    shown = {"example": first["text"], "answer": _answer(first)}
    return shown if failed["place"] == 0 else {**shown, "variant": failed["text"], "variant_answer": _answer(failed)}


def _answer(row: pd.Series[Any]) -> str:
    """`positive 0.83`; the probability is that of the class asked for, which need not be the answer."""
    return f"{row['prediction']} ({row['value']:.3f})"
