"""`tuneproof show`: the leaderboard in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def show(
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    dataset: Annotated[str | None, typer.Option(help="Only this data set.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Only so many methods, the best.")] = None,
) -> None:
    """Show the verdict and the leaderboard of each data set; bold: may be the best; a letter in common: not told apart.

    Example: `tuneproof show`, `tuneproof show --results results/experiments/accuracy --dataset movie-sentiment`,
    `tuneproof show --top 10`
    """
    from tuneproof.recommend import stored

    found = stored.read(results)
    if found is None:
        print(f"{results}: {stored.NOTHING}")
        return
    from rich.text import Text

    from tuneproof.recommend import terminal
    from tuneproof.report.tables import verdict

    console = terminal.console()
    for place, panel in enumerate(found.of(dataset, model)):
        answer = verdict(panel, confidence=found.confidence)
        if place:
            console.print()
        console.print(Text(f"{panel.dataset} · {panel.model}", style="bold underline"))
        console.print(Text(str(answer.sentence)))
        console.print(Text(str(answer.basis), style="dim"))
        console.print()
        console.print(terminal.leaderboard(panel, answer.leaders, console.width, top))
        if top is not None and top < len(panel.ranked):
            console.print(Text(f"… and {len(panel.ranked) - top} more", style="dim"))
