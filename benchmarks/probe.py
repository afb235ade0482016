"""A probe's whole search: features of the frozen body computed once, against a Trainer that runs the body each epoch.

Both fit the same number of heads for the same epochs on the same rows, with a validation after each epoch, and prune
nothing. The product takes its own precision (`auto`), Trainer its default one.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import rows as texts
from benchmarks.measure import Engines
from benchmarks.peers import Encoded, collator, plain_model
from benchmarks.record import Record
from benchmarks.targets import PROBE

TRAIN, VALIDATION, BATCH, TRIALS, EPOCHS = 300, 200, 16, 5, 3
"""As in the default experiment."""


def run(record: Record, scratch: Path, *, core: int, quick: bool) -> None:
    request = {"what": "probe", "train": 32 if quick else TRAIN, "validation": 16 if quick else VALIDATION}
    with Engines(["tuneproof", "trainer"], scratch, core=core) as engines:
        engines.ask("tuneproof", {**request, "train": 16, "validation": 8})  # imports and warms up
        engines.ask("trainer", {**request, "train": 16, "validation": 8, "trials": 1})
        ours = [engines.ask("tuneproof", request)["seconds"] for _ in range(3)]
        theirs = engines.ask("trainer", request)["seconds"]
    record.add("probe", "medium", {"tuneproof_seconds": ours, "trainer_seconds": theirs})
    record.meet(PROBE, theirs / sorted(ours)[1])


def _rows(request: dict[str, Any], scratch: Path) -> tuple[texts.Rows, texts.Rows]:
    rows = texts.load("medium", request["train"] + request["validation"], scratch)
    return rows.part(0, request["train"]), rows.part(request["train"], len(rows.tokens))


def by_tuneproof(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Seconds of the product's search of one cell."""
    from tuneproof import search, tunings
    from tuneproof.cell import Cell, Search, Training
    from tuneproof.train.loop import Data

    train, validation = _rows(request, scratch)
    cell = Cell(
        dataset="medium",
        model="minilm",
        method="probe",
        task=train.task,
        tuning={"name": "probe"},
        augmentation="none",
        adversarial=None,
        training=Training(epochs=EPOCHS, batch_size=BATCH),
        learning_rates=tunings.get("probe").learning_rates,
        search=Search(trials=TRIALS, pruner="none"),
    )
    data = Data(train.tokens, validation.tokens, validation.frame, train.labels)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        place = Path(folder)
        start = time.perf_counter()
        search.run(cell, data, model_folder=texts.model_folder(), fingerprint="bench", scratch=place, out=place)
        return {"seconds": time.perf_counter() - start}


def by_trainer(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Seconds of as many fits with Trainer and a frozen body, at rates that are spread over the probe's range."""
    from transformers import Trainer, TrainingArguments

    from tuneproof import tunings

    train, validation = _rows(request, scratch)
    low, high, _ = tunings.get("probe").learning_rates
    trials = request.get("trials", TRIALS)
    splits: list[Any] = [Encoded(train), Encoded(validation)]
    start = time.perf_counter()
    for trial in range(trials):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH,
                per_device_eval_batch_size=32,
                num_train_epochs=EPOCHS,
                learning_rate=low * (high / low) ** (trial / max(1, trials - 1)),
                eval_strategy="epoch",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                use_cpu=True,
                disable_tqdm=True,
            )
            Trainer(
                model=plain_model("probe", train),
                args=arguments,
                train_dataset=splits[0],
                eval_dataset=splits[1],
                data_collator=collator(train.task),
            ).train()
    return {"seconds": time.perf_counter() - start}
