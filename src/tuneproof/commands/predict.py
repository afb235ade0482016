"""`tuneproof predict`: answers of a ready model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[Path, typer.Option(help="Folder that `tuneproof fit` wrote.")],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to answer.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A .txt (a text a line), .csv or .jsonl file with `text`; `-`: standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write a CSV file.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for matrix products.")] = 1,
) -> None:
    """Answer texts with labels and confidences, with entities, or with a number.

    Example: `tuneproof predict --model models/movie-sentiment "A fine film."`,
    `tuneproof predict --model models/tweet-ner --file tweets.txt --out entities.csv`
    """
    from tuneproof import files
    from tuneproof.errors import TuneproofError
    from tuneproof.ready import folder
    from tuneproof.ready import predict as stage

    if bool(texts) == (file is not None):
        raise TuneproofError("predict: found texts and --file, or neither; allowed: TEXT… or --file FILE")
    if out is not None and out.suffix != ".csv":
        raise TuneproofError(f"--out: found {out}; allowed: a name that ends in .csv")
    rows = [{"text": text} for text in texts or ()] if file is None else stage.read(file)
    if not rows:
        raise TuneproofError(f"{file}: no text in it")
    from tuneproof.train import device

    device.make_repeatable(threads)
    answers = stage.answer(folder.load(model), rows)
    if out is not None:
        import pandas as pd

        empty = stage.ENTITY_COLUMNS if "entities" in answers[0] else None  # a text may hold no entity
        files.write_csv(out, pd.DataFrame(stage.columns(answers), columns=empty))
    if as_json:
        print(files.json_text(answers), end="")
    elif out is None:
        from tuneproof.recommend import terminal

        terminal.console().print(terminal.answers(answers))
