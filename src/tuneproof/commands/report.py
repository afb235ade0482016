"""`tuneproof report`: the stage, and two revisions side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    settings: Annotated[Path | None, typer.Option(help="Settings file of the job, below results/settings/.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Where the outcome is written.")] = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Two git revisions whose results DVC keeps.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --compare: for programs.")] = False,
) -> None:
    """Write the page and the leaderboard; or tell what changed from one revision to another, and whether scores did.

    With `--compare`, scores are tested on the stored predictions, paired over test rows and seeds.

    Example: `tuneproof report --settings results/settings/report.json --results results --out results/report`,
    `tuneproof report --compare HEAD~1 HEAD`
    """
    from tuneproof import files
    from tuneproof.errors import TuneproofError

    if compare is not None:
        from tuneproof.revisions import show
        from tuneproof.revisions.compare import compare as compared

        found = compared(*compare, results)
        print(files.json_text(show.as_json(found)) if as_json else "\n".join(show.lines(found)) + "\n", end="")
        return
    if settings is None or out is None:
        raise TuneproofError("report: --settings and --out are missing; allowed: both of them, or --compare A B")
    from tuneproof.report import run, run_tab

    run.run(files.read_json(settings), results, out, run_tab.time_spent(results))
