"""What the product promises: every line of the targets list, whether or not a run gets to measure it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Target(NamedTuple):
    """One line of the targets list. `measured` is compared with `target` in the direction that `at_least` says."""

    section: str
    """What measures it: a key of the raw figures."""
    name: str
    target: float
    at_least: bool = True

    def line(self, measured: float | None, reason: str = "") -> dict[str, object]:
        """`name`, `target`, `measured`, `met`; and `failed`, the reason, where nothing was measured."""
        sign = ">=" if self.at_least else "<="
        about = {"name": self.name, "target": f"{sign} {self.target:g}"}
        if measured is None:
            return {**about, "measured": None, "met": False, "failed": reason}
        met = measured >= self.target if self.at_least else measured <= self.target
        return {**about, "measured": float(f"{measured:.4g}"), "met": bool(met)}


DEFAULTS, BEST, SHARE = "times Trainer's defaults", "times Trainer's best settings", "share of measured peak"
FULL = {"fp32": {DEFAULTS: 2.2, BEST: 1.25, SHARE: 0.75}, "bf16": {DEFAULTS: 3.5, BEST: 1.2, SHARE: 0.55}}
"""Precision → what full tuning promises on short and medium text."""
PEFT = (("lora", "short"), ("lora", "medium"), ("lora", "long"), ("lora", "ner"), ("adapter", "medium"))


def full_step(kind: str, precision: str, what: str) -> str:
    return f"training step, full, {kind} text, {precision}: {what}"


def peft_step(tuning: str, kind: str, precision: str) -> str:
    return f"training step, {tuning}, {kind} text, {precision}: time ÷ full tuning's"


PROBE = "probe: times a Trainer with a frozen body over the same search"
GRID_SPEED = "whole grid: times the straightforward script's speed"
GRID_SCORES = "whole grid: cells where a score lies outside the other's 95 % interval"
NEAR = "search: share of cells within 1 % of a 24-point grid's best score"
WORK = "search: largest share of the 24-point grid's work"
NO_FITS = "orchestration: share of time not spent on fits, last whole run of the default grid"
NO_OP = "orchestration: seconds of a run with nothing to do"
DRY_SECONDS = "orchestration: seconds of a dry run of 10,000 runs"
DRY_MEMORY = "orchestration: GiB of a dry run of 10,000 runs"
PREPARE_SECONDS = "prepare: seconds for a CSV file of 1,000,000 rows"
PREPARE_MEMORY = "prepare: GiB for a CSV file of 1,000,000 rows"
EDA_SPEED = "augment: sentences a second of EDA on one core"


def _all() -> Iterator[Target]:
    for precision, promised in FULL.items():
        for kind in ("short", "medium"):
            for what, target in promised.items():
                yield Target("step", full_step(kind, precision, what), target)
    for precision in FULL:
        for tuning, kind in PEFT:
            yield Target("step", peft_step(tuning, kind, precision), 0.75, at_least=False)
    yield Target("probe", PROBE, 20)
    yield Target("grid", GRID_SPEED, 4)
    yield Target("grid", GRID_SCORES, 0, at_least=False)
    yield Target("search", NEAR, 0.8)
    yield Target("search", WORK, 0.25, at_least=False)
    yield Target("orchestration", NO_FITS, 0.08, at_least=False)
    yield Target("orchestration", NO_OP, 8, at_least=False)
    yield Target("orchestration", DRY_SECONDS, 60, at_least=False)
    yield Target("orchestration", DRY_MEMORY, 2, at_least=False)
    yield Target("prepare", PREPARE_SECONDS, 60, at_least=False)
    yield Target("prepare", PREPARE_MEMORY, 4, at_least=False)
    yield Target("augment", EDA_SPEED, 5000)


TARGETS = tuple(_all())
