"""What the report stage writes beside the page: `report.md`, `leaderboard.tex`, `model_cards/`, `figures/`.

All of it is made of the same panels as the page; the same results give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.report import FOLDERS, figures, text_report, winner

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results


def written(out: Path) -> list[Path]:
    """The files in `FOLDERS` below `out`."""
    return sorted(
        path
        for folder in FOLDERS
        for path in (out / folder).glob("*")
        if not path.name.startswith(".") and path.is_file()
    )


def write(settings: dict[str, Any], panels: list[Panel], results: Results, out: Path) -> None:
    """Write all files below `out`, and remove those in `FOLDERS` that are of no panel any more."""
    confidence = settings.get("evaluation", {}).get("confidence", 0.95)
    files.write_text(out / "report.md", text_report.markdown(settings, panels, confidence=confidence))
    files.write_text(out / "leaderboard.tex", text_report.latex(panels, confidence=confidence))
    made: set[Path] = set()
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    for panel in panels:
        name = f"{panel.dataset}-{panel.model}"
        card = winner.card(settings, panel, results)
        if card is not None:
            made.add(out / "model_cards" / f"{name}.md")
            files.write_text(out / "model_cards" / f"{name}.md", card)
        made |= figures.write(settings, panel, name, out / "figures")
    for path in written(out):
        if path not in made:
            path.unlink()
