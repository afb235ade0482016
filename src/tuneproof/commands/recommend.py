"""`tuneproof recommend`: which method to use within given limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def recommend(
    max_memory: Annotated[str | None, typer.Option(help="Peak memory of training, as in `4GiB`.")] = None,
    max_train_time: Annotated[str | None, typer.Option(help="Time of one training run, as in `30min`.")] = None,
    max_latency: Annotated[str | None, typer.Option(help="Time of an answer, as in `20ms`.")] = None,
    min_score: Annotated[float | None, typer.Option(help="The least primary score on the test split.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this data set.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    prior: Annotated[bool, typer.Option("--prior", help="What published work suggests; needs no results.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Name the method to use within limits, how sure that is, what is cheaper, and the command that trains it.

    The rule: of those that cannot be told apart from the best and lie near it, the one that trains fastest. "Cannot
    tell" is an answer too, with what would settle it. Exit code 1 where nothing is within the limits.

    Example: `tuneproof recommend --max-memory 4GiB --max-train-time 30min --max-latency 20ms --min-score 0.8`,
    `tuneproof recommend --prior`
    """
    from tuneproof import files
    from tuneproof.errors import TuneproofError
    from tuneproof.recommend import stored, units, words
    from tuneproof.recommend.rule import Limits
    from tuneproof.recommend.rule import recommend as asked

    if prior:
        from tuneproof.recommend import prior as published

        print(files.json_text(published.as_json()) if as_json else published.text(), end="")
        return
    limits = Limits(
        max_memory_mb=None if max_memory is None else units.megabytes(max_memory, "--max-memory"),
        max_train_seconds=None if max_train_time is None else units.seconds(max_train_time, "--max-train-time"),
        max_latency_ms=None if max_latency is None else 1000 * units.seconds(max_latency, "--max-latency"),
        min_score=min_score,
    )
    found = stored.read(results)
    if found is None:
        print(f"{results}: {stored.NOTHING}; what published work suggests: tuneproof recommend --prior")
        raise typer.Exit(1)
    answers, told = [], []
    for panel in found.of(dataset, model):
        candidates = stored.candidates(found, panel)
        if not candidates:
            continue
        if limits.max_latency_ms is not None and all(candidate.latency_ms is None for candidate in candidates):
            raise TuneproofError(f"--max-latency: {panel.dataset}/{panel.model}: the latency was not measured")
        answer = asked(candidates, stored.comparisons(panel), limits)
        command = None if answer.method is None else stored.command(found, panel, answer.method)
        about = (panel.dataset, panel.model, panel.score, candidates, answer)
        better = [] if answer.method is None else stored.better_ensembles(panel, answer.method)
        answers.append(answer.answer)
        told.append(words.as_json(*about, limits=limits, ensembles=better, command=command))
        if not as_json:
            print("\n".join(words.lines(*about, ensembles=better, command=command)))
        if not as_json and max_latency is not None:
            print(f"  Latency: {stored.latencies(panel)[1]}.")
    if as_json:
        print(files.json_text(told), end="")
    if "nothing fits" in answers:
        raise typer.Exit(1)
