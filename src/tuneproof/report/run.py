"""The report stage: `index.html`, one file that needs no network, and tables for people, DVC and programs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tuneproof import files
from tuneproof.report import also, sizes, tables
from tuneproof.report.page import page
from tuneproof.report.panels import panels
from tuneproof.report.results import Results


def run(settings: dict[str, Any], results: Path, out: Path, spent: dict[str, Any] | None = None) -> None:
    """Write the page, `leaderboard.csv`, `learning_curves.csv`, `metrics.json`; `training_examples.csv` for families;
    and what `also.py` names.

    `settings` is what `settings.py` writes to report.json, `spent` what `run_tab.time_spent` finds: it is kept in
    `cost.json`, so that the page can be made again. Results that are not there are stated as absent; files that
    cannot be read raise `DataError`.
    """
    found = Results(results)
    made = panels(settings, found)
    files.write_csv(out / "leaderboard.csv", tables.leaderboard(made).map(_short))
    files.write_csv(out / "learning_curves.csv", tables.learning_curves(made).map(_short))
    if any("family" in about for about in settings["datasets"].values()):
        files.write_csv(out / "training_examples.csv", sizes.table(settings, made).map(_short))
    files.write_json(out / "cost.json", spent or {})
    files.write_json(out / "metrics.json", tables.metrics(settings, found))
    files.write_text(out / "index.html", page(settings, made, found, spent))
    also.write(settings, made, found, out)


def _short(value: Any) -> Any:
    """Six significant digits, as in the tables that `evaluate` writes."""
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value
