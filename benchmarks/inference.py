"""Prediction, tokenizing included: the product against transformers' pipeline and sentence-transformers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Engines, rate
from benchmarks.record import Record

KINDS = {"short": 384, "medium": 256, "ner": 192}
BATCH = 32
NAMES = ["tuneproof", "pipeline", "sentence-transformers"]


def run(record: Record, scratch: Path, *, repetitions: int, core: int, quick: bool, precisions: list[str]) -> None:
    with Engines(NAMES, scratch, core=core) as engines:
        for precision in precisions:
            for kind, count in ({"medium": 64} if quick else KINDS).items():
                names = NAMES[:2] if kind == "ner" else NAMES
                request = {"what": "predict", "kind": kind, "count": count, "batch": BATCH, "precision": precision}
                with record.part("inference", f"{precision}/{kind}"):
                    answers = engines.compare(names, request, repetitions=repetitions, warm={**request, "count": BATCH})
                    speeds = {name: round(rate(answers[name]), 1) for name in names}
                    record.add("inference", f"{precision}/{kind}", speeds)
