"""`tuneproof import-results`: results made elsewhere beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_results(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON as peft's method_comparison writes.")],
    dataset: Annotated[str | None, typer.Option(help="Show our methods on this data set beside them.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of our results.")] = Path("results"),
    test_rows: Annotated[int | None, typer.Option(min=1, help="Test rows that their accuracy is of.")] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of their intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show accuracies of runs made elsewhere with intervals, and beside ours where asked for. Nothing is stored.

    Their answers on our rows are not known, so that no test says who is ahead.

    Example: `tuneproof import-results lora.json full.json --test-rows 1319`,
    `tuneproof import-results lora.json --test-rows 500 --dataset movie-sentiment`
    """
    from tuneproof import files, imported
    from tuneproof.recommend import stored, terminal

    runs = [run for path in paths for run in imported.read(path)]
    entries = imported.together(runs, test_rows=test_rows, confidence=confidence)
    ours = [] if dataset is None else stored.accuracies(results, dataset)
    if as_json:
        print(files.json_text({"imported": [entry._asdict() for entry in entries], "ours": ours}), end="")
        return
    terminal.console().print(terminal.beside(entries, ours))
    for note in dict.fromkeys(entry.note for entry in entries):
        print(note)
    if ours:
        print("ours and theirs were not answered on the same rows as far as is known: no test compares them")
