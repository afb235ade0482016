"""The last lines of a run that made the report: the verdict of each data set, and where the page lies."""

from __future__ import annotations

from pathlib import Path

from tuneproof.recommend import stored

SHOWN = 10
"""Verdicts that are told; of the rest their number."""


def lines(results: Path, since: float) -> list[str]:
    """Nothing where the page is older than `since` (seconds since 1970), as a partial run leaves it."""
    page = results / "report" / "index.html"
    if not page.is_file() or page.stat().st_mtime < since:
        return []
    found = stored.read(results)
    if found is None:
        return []
    from tuneproof.report.tables import verdict

    elsewhere = "" if results == Path("results") else f" --results {results}"
    panels = found.of(None, None)
    told = [f"{p.dataset}/{p.model}: {verdict(p, confidence=found.confidence).sentence}" for p in panels[:SHOWN]]
    told += [f"and {len(panels) - SHOWN} more"] if len(panels) > SHOWN else []
    return [*told, f"report: {page}; in the terminal: tuneproof show{elsewhere}; tuneproof recommend{elsewhere}"]
