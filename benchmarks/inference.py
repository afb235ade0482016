"""Prediction, tokenizing included: the product against transformers' pipeline and sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Engines, rate
from benchmarks.targets import Target

KINDS = {"short": 512, "medium": 512, "ner": 256}
BATCH = 32


def run(scratch: Path, *, repetitions: int, core: int, quick: bool) -> tuple[dict[str, Any], list[Target]]:
    raw: dict[str, Any] = {}
    with Engines(["tuneproof", "pipeline", "sentence-transformers"], scratch, core=core) as engines:
        for precision in ("fp32", "bf16"):
            for kind, count in ({"medium": 64} if quick else KINDS).items():
                names = ["tuneproof", "pipeline", *(["sentence-transformers"] if kind != "ner" else [])]
                request = {"what": "predict", "kind": kind, "count": count, "batch": BATCH, "precision": precision}
                answers = engines.compare(names, request, repetitions=repetitions)
                raw[f"{precision}/{kind}"] = {name: round(rate(answers[name]), 1) for name in names}
    return raw, []
