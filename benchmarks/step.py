"""The training step: our engine against transformers.Trainer, as it comes and at its best, and against the peak.

The same weights, rows and batch size; each engine orders the rows as it does by itself. Useful work counts tokens of
the texts, not padding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Engines, median, rate
from benchmarks.targets import Target

NAMES = ["tuneproof", "trainer", "trainer-best"]
KINDS = {"short": (256, 16), "medium": (256, 16), "long": (32, 4), "ner": (192, 8)}
"""Kind of text → rows and batch size."""
RATES = {"full": 1e-4, "lora": 1e-3, "adapter": 1e-3, "probe": 1e-2}
WIDTH, INNER, LAYERS = 384, 1536, 6


def run(scratch: Path, *, repetitions: int, core: int, quick: bool) -> tuple[dict[str, Any], list[Target]]:
    """Raw figures by precision, tuning and kind; and the targets."""
    raw: dict[str, Any] = {}
    kinds = {"medium": (64, 16)} if quick else KINDS
    tunings = ["full", "lora"] if quick else [*RATES]
    with Engines(NAMES, scratch, core=core) as engines:
        for precision in ("fp32", "bf16"):
            for kind, (count, batch) in kinds.items():
                for tuning in tunings:
                    if tuning in ("adapter", "probe") and kind != "medium" and not quick:
                        continue
                    request = {
                        "what": "train",
                        "kind": kind,
                        "tuning": tuning,
                        "precision": precision,
                        "count": count,
                        "batch": batch,
                        "rate": RATES[tuning],
                    }
                    answers = engines.compare(NAMES, request, repetitions=repetitions)
                    mean_length = median(answers["tuneproof"], "tokens") / count
                    peak = engines.ask(
                        "tuneproof",
                        {"what": "peak", "precision": precision, "tokens": max(64, round(mean_length * batch))},
                    )["flops"]
                    entry = {name: _figures(answers[name], tuning, mean_length, peak) for name in NAMES}
                    raw[f"{precision}/{tuning}/{kind}"] = {"peak_gflops": peak / 1e9, **entry}
    return raw, _targets(raw)


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
        "peak_memory_mb": round(median(answers, "peak_memory_mb"), 1),
    }


def _targets(raw: dict[str, Any]) -> list[Target]:
    found = []

    def speed(key: str, name: str) -> float:
        return float(raw[key][name]["examples_per_second"])

    for precision, default, best, share in (("fp32", 2.2, 1.25, 0.75), ("bf16", 3.5, 1.2, 0.55)):
        for kind in ("short", "medium"):
            key = f"{precision}/full/{kind}"
            if key not in raw:
                continue
            # Trainer's default precision is fp32, whatever the machine has
            against = speed(f"fp32/full/{kind}", "trainer")
            what = f"training step, full, {kind} text, {precision}"
            found.append(Target(f"{what}: times Trainer's defaults", default, speed(key, "tuneproof") / against))
            ours = speed(key, "tuneproof") / speed(key, "trainer-best")
            found.append(Target(f"{what}: times Trainer's best settings", best, ours))
            found.append(Target(f"{what}: share of measured peak", share, raw[key]["tuneproof"]["share_of_peak"]))
    for key in raw:
        precision, tuning, kind = key.split("/")
        if tuning in ("lora", "adapter"):
            ours = speed(f"{precision}/full/{kind}", "tuneproof") / speed(key, "tuneproof")
            found.append(Target(f"{tuning}, {kind} text, {precision}: time a step ÷ full tuning's", 0.75, ours, False))
    return found
