"""`tuneproof teach`: the stage behind methods that learn from an ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def teach(
    settings: Annotated[Path, typer.Option(help="Settings file of the job, below results/settings/.")],
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared data set.")],
    tokens: Annotated[Path, typer.Option(help="The tokenized train split, not augmented.")],
    runs: Annotated[Path, typer.Option(help="Folder of all runs of the data set and model.")],
    model: Annotated[Path, typer.Option(help="Manifest of the pre-trained model.")],
    out: Annotated[Path, typer.Option(help="Where the outcome is written.")],
) -> None:
    """Let an ensemble's members answer the training rows, for methods that learn from it (`distil`).

    Example: `tuneproof teach --settings results/settings/teach/movie/minilm/full-seeds.json
    --prepared results/prepare/movie --tokens results/tokenize/movie/none/minilm/train.parquet
    --runs results/train/movie/minilm --model results/fetch/models/minilm.json
    --out results/teach/movie/minilm/full-seeds`
    """
    from tuneproof import files
    from tuneproof import teach as stage
    from tuneproof.train import gpu

    declared = files.read_json(settings)
    kinds = {files.read_json(runs / name / "run.json").get("device") for name in declared["members"]}
    gpu.take("cuda" if "cuda" in kinds else "cpu")  # members answer on the kind of device that they were trained on
    folder = Path(files.read_json(model)["folder"])
    stage.run(declared, runs=runs, tokens=tokens, card=prepared / "card.json", model=folder, out=out)
