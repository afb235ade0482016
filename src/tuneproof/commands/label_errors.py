"""`tuneproof label-errors`: rows whose label may be wrong, as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def label_errors(
    dataset: Annotated[str, typer.Option(help="Name of a prepared classification data set.")],
    model: Annotated[str, typer.Option(help="Name of a fetched model, whose frozen features are used.")],
    out: Annotated[Path, typer.Option(help="CSV file that is written.")] = Path("label_errors.csv"),
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Which rows.")] = "train",
    max_length: Annotated[int, typer.Option(min=8, max=8192, help="Sub-tokens of a text that are read.")] = 128,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
) -> None:
    """Find suspected label errors by confident learning, for a person to look at; no data is changed.

    Example: `tuneproof label-errors --dataset movie-sentiment --model minilm --out label_errors.csv`
    """
    from tuneproof import files
    from tuneproof import label_errors as finder

    folder = Path(files.read_json(results / "fetch" / "models" / f"{model}.json")["folder"])
    prepared = results / "prepare" / dataset
    found = finder.run(prepared, folder, split=split, max_length=max_length, where=f"{dataset}, {split}")
    files.write_csv(out, found)
    rows = files.read_json(prepared / "card.json")["rows"][split]
    print(f"{out}: {len(found):,} of {rows:,} rows are suspect, the most suspect first")
