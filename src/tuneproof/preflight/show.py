"""The lines that `tuneproof plan` prints."""

from __future__ import annotations

from tuneproof.preflight.durations import duration
from tuneproof.preflight.run import Preflight

SHOWN = 8
"""Methods whose share of the time is listed."""


def lines(found: Preflight, *, budget: float | None = None) -> list[str]:
    """What is left to do and what it costs; then what to cut, where a budget (in seconds) is given."""
    left = found.left
    if left.jobs == left.challenges == 0:
        return [f"nothing to be done: all {found.jobs} searches and runs are there"]
    told = [
        f"to do: {left.jobs} of {found.jobs} searches and runs, {left.fits} fits, {left.challenges} challenges",
        f"time: about {duration(left.seconds)} on {found.cores} cores, {duration(left.most)} if no trial is pruned",
        f"memory: about {left.memory_mb / 1024:.1f} GiB at once; disk: about {size(left.disk_bytes)} of checkpoints",
    ]
    whole = sum(left.by_method.values())
    shares = [f"{name} {seconds / whole:.0%}" for name, seconds in [*left.by_method.items()][:SHOWN]]
    told.append(f"most of it: {', '.join(shares)}")
    if found.guessed:
        told.append(f"not measured for want of time, taken over from cells like them: {len(found.guessed)} cells")
    if budget is not None:
        told += _cuts(found, budget)
    told += [f"left out: {e['dataset']}/{e['model']}/{e['method']}: {e['reason']}" for e in found.left_out]
    return told


def _cuts(found: Preflight, budget: float) -> list[str]:
    if found.left.seconds <= budget:
        return [f"budget {duration(budget)}: enough"]
    told = [f"budget {duration(budget)}: too little; to cut, one after the other:"]
    told += [f"  {cut.change}: {duration(cut.seconds)} left" for cut in found.cuts]
    if not found.cuts or found.cuts[-1].seconds > budget:
        told.append("  then it is still too long: take fewer data sets, or a smaller train_size")
    return told


def size(count: int) -> str:
    """Bytes in MB or GB."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
