"""The training step: our engine against transformers.Trainer, as it comes and at its best, and against the peak.

The same weights, rows and batch size; each engine orders the rows as it does by itself. Useful work counts tokens of
the texts, not padding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Engines, median, rate
from benchmarks.record import Record
from benchmarks.targets import BEST, DEFAULTS, FULL, PEFT, SHARE, full_step, peft_step

NAMES = ["tuneproof", "trainer", "trainer-best"]
KINDS = {"short": (192, 16), "medium": (128, 16), "long": (8, 4), "ner": (96, 8)}
"""Kind of text → rows and batch size."""
RATES = {"full": 1e-4, "lora": 1e-3, "adapter": 1e-3, "probe": 1e-2}
WIDTH, INNER, LAYERS = 384, 1536, 6


def run(record: Record, scratch: Path, *, repetitions: int, core: int, quick: bool, precisions: list[str]) -> None:
    """Raw figures by precision, tuning and kind; and the targets."""
    with Engines(NAMES, scratch, core=core) as engines:
        for precision in precisions:
            for kind, (count, batch) in ({"medium": (64, 16)} if quick else KINDS).items():
                for tuning, rate_ in RATES.items():
                    if tuning in ("adapter", "probe") and kind != "medium":
                        continue
                    request = {
                        "what": "train",
                        "kind": kind,
                        "tuning": tuning,
                        "precision": precision,
                        "count": count,
                        "batch": batch,
                        "rate": rate_,
                    }
                    key = f"{precision}/{tuning}/{kind}"
                    with record.part("step", key):
                        record.add("step", key, _cell(engines, request, repetitions))
    _targets(record)


def _cell(engines: Engines, request: dict[str, Any], repetitions: int) -> dict[str, Any]:
    """Each engine's figures; Trainer's defaults are fp32 whatever the machine has, so in bf16 its best alone counts."""
    names = NAMES if request["precision"] == "fp32" else ["tuneproof", "trainer-best"]
    warm = {**request, "count": 2 * request["batch"]}
    answers = engines.compare(names, request, repetitions=repetitions, warm=warm)
    length = median(answers["tuneproof"], "tokens") / median(answers["tuneproof"], "examples")
    asked = {"what": "peak", "precision": request["precision"], "tokens": max(64, round(length * request["batch"]))}
    peak = engines.ask("tuneproof", asked)["flops"]
    figures = {name: _figures(answers[name], request["tuning"], length, peak) for name in names}
    return {"peak_gflops": round(peak / 1e9, 1), **figures}


def flops_a_token(tuning: str, length: float) -> float:
    """Useful floating-point operations a token: forward, and backward for activations and for weights that learn."""
    forward = LAYERS * (2 * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER) + 4 * length * WIDTH)
    return forward * {"full": 3, "probe": 1}.get(tuning, 2)


def _figures(answers: list[dict[str, Any]], tuning: str, length: float, peak: float) -> dict[str, float]:
    tokens = rate(answers, "tokens")
    return {
        "examples_per_second": round(rate(answers), 2),
        "tokens_per_second": round(tokens, 1),
        "share_of_peak": round(tokens * flops_a_token(tuning, length) / peak, 4),
        "loss": round(median(answers, "loss"), 4),
        "peak_memory_mb_so_far": round(median(answers, "peak_memory_mb"), 1),
    }


def _targets(record: Record) -> None:
    """Meet each target whose cells were measured."""
    raw = record.raw.get("step", {})

    def speed(key: str, name: str) -> float:
        return float(raw[key][name]["examples_per_second"])

    for precision, promised in FULL.items():
        for kind in ("short", "medium"):
            key, fp32 = f"{precision}/full/{kind}", f"fp32/full/{kind}"
            if key not in raw:
                continue
            ours = speed(key, "tuneproof")
            measured = {BEST: ours / speed(key, "trainer-best"), SHARE: raw[key]["tuneproof"]["share_of_peak"]}
            if fp32 in raw:
                measured[DEFAULTS] = ours / speed(fp32, "trainer")
            for what in promised:
                if what in measured:
                    record.meet(full_step(kind, precision, what), measured[what])
        for tuning, kind in PEFT:
            key, full = f"{precision}/{tuning}/{kind}", f"{precision}/full/{kind}"
            if key in raw and full in raw:
                record.meet(peft_step(tuning, kind, precision), speed(full, "tuneproof") / speed(key, "tuneproof"))
