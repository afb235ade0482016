"""Report: one page and one table that answer the question with its uncertainty."""

from __future__ import annotations

ALSO = ("report.md", "leaderboard.tex")
"""Files beside the page and its tables."""
FOLDERS = ("figures", "model_cards")
"""Folders beside them; what lies there depends on the results."""
