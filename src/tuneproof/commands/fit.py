"""`tuneproof fit`: train a method on all labelled rows and save a ready model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fit(
    method: Annotated[str, typer.Option(help="A method of the results, such as `tuneproof recommend` names.")],
    out: Annotated[Path, typer.Option(help="New folder for the model.")],
    dataset: Annotated[str | None, typer.Option(help="May be left out where there is one.")] = None,
    model: Annotated[str | None, typer.Option(help="May be left out where there is one.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    seed: Annotated[int | None, typer.Option(min=0, help="The experiment's first where not given.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for matrix products.")] = 1,
) -> None:
    """Train a method on the rows of train, validation and test, with the settings found, and save a ready model.

    Comparing is over by then, so nothing is held out: what to expect is the score of the same method as evaluated.
    Rows that `train_size` left out are not learned from. The folder holds weights (safetensors), tokenizer, ready.json
    and a model card; of a whole model it is what transformers loads, of peft's methods an adapter with its base model.

    Example: `tuneproof fit --method lora --dataset movie-sentiment --out models/movie-sentiment`
    """
    from tuneproof.ready import fit as stage
    from tuneproof.report.tables import duration, number

    done = stage.fit(results, method=method, dataset=dataset, model=model, seed=seed, threads=threads, out=out)
    rows = ", ".join(f"{count} {split}" for split, count in done.rows.items())
    print(f"{done.folder}: trained on {sum(done.rows.values())} rows ({rows}) in {duration(done.seconds)}")
    if done.expected is not None:
        value, low, high = (number(done.expected[name]) for name in ("value", "low", "high"))
        print(
            f"expect {done.expected['score']} {value} [{low}–{high}], as its runs reached on test rows unseen by them"
        )
    print(f'tuneproof predict --model {done.folder} "A text"')
