"""Tables beside the page: `leaderboard.csv`, `learning_curves.csv`, `metrics.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneproof.report.compared import lettered, matrix, places
from tuneproof.report.panels import LEADERBOARD, Panel, empty, panels
from tuneproof.report.results import Results, rows
from tuneproof.report.verdict import verdict
from tuneproof.report.words import MANY, amount, duration, number, p_value, rate

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LEADERBOARD",
    "MANY",
    "Panel",
    "Results",
    "amount",
    "duration",
    "leaderboard",
    "learning_curves",
    "lettered",
    "matrix",
    "metrics",
    "number",
    "p_value",
    "panels",
    "places",
    "rate",
    "rows",
    "verdict",
]


def leaderboard(found: list[Panel]) -> pd.DataFrame:
    """leaderboard.csv: all panels, best first inside a data set (across its models)."""
    import pandas as pd

    order = {dataset: place for place, dataset in enumerate(dict.fromkeys(panel.dataset for panel in found))}
    frame = pd.concat([panel.board for panel in found], ignore_index=True) if found else empty(LEADERBOARD)
    frame["order"] = frame["dataset"].map(order)
    frame = frame.sort_values(["order", "value"], ascending=[True, False], kind="stable", na_position="last")
    return frame[list(LEADERBOARD)].reset_index(drop=True)


def learning_curves(found: list[Panel]) -> pd.DataFrame:
    """learning_curves.csv: a row an epoch of each run, with the primary score on validation rows."""
    import pandas as pd

    columns = ("dataset", "model", "method", "seed", "epoch", "train_loss", "validation")
    frames = [
        panel.history.rename(columns={"value": "validation"}).assign(dataset=panel.dataset, model=panel.model)
        for panel in found
        if not panel.history.empty
    ]
    return pd.concat(frames, ignore_index=True)[list(columns)] if frames else empty(columns)


def metrics(settings: dict[str, Any], results: Results) -> dict[str, Any]:
    """metrics.json: data set → model → method → score → mean over seeds on the test split, for `dvc metrics`."""
    found: dict[str, Any] = {}
    for dataset, model in dict.fromkeys((dataset, model) for dataset, model, _ in settings["cells"]):
        found.setdefault(dataset, {})[model] = results.json("evaluate", dataset, model, "metrics.json") or {}
    return found
