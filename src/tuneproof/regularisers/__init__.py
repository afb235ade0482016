"""Regularisers: cures for over-fitting that cross with any tuning. One file each; one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.regularisers.base import Regulariser

REGULARISERS: dict[str, str] = {
    "child-tuning": "tuneproof.regularisers.child_tuning:ChildTuning",
    "ema": "tuneproof.regularisers.ema:EMA",
    "l2-sp": "tuneproof.regularisers.l2_sp:L2SP",
    "label-smoothing": "tuneproof.regularisers.label_smoothing:LabelSmoothing",
    "mixout": "tuneproof.regularisers.mixout:Mixout",
    "mixup": "tuneproof.regularisers.mixup:Mixup",
    "rdrop": "tuneproof.regularisers.rdrop:RDrop",
    "supcon": "tuneproof.regularisers.supcon:SupCon",
    "swa": "tuneproof.regularisers.swa:SWA",
}
DISTIL = "distil"
"""A method asks for it by a key of its own, as it needs a teacher; in a cell it is a regulariser as the others."""
ALL = {**REGULARISERS, DISTIL: "tuneproof.regularisers.distil:Distil"}
"""What a cell may name."""

ALONE = {"criterion": "replace the loss", "averaged": "average the weights"}
"""Hooks that at most one regulariser of a fit may have, and what these do."""


def get(name: str) -> type[Regulariser]:
    """The class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(ALL, name)


def has(name: str, hook: str) -> bool:
    """Whether a regulariser does anything in a hook of the base class."""
    from tuneproof.regularisers.base import Regulariser

    return getattr(get(name), hook) is not getattr(Regulariser, hook)


def clash(names: Sequence[str]) -> str | None:
    """Why some regularisers cannot be used together, or None."""
    for place, name in enumerate(names):
        if name in names[:place]:
            return f"found {name} twice; allowed: each regulariser once"
        for other in names:
            if other in get(name).excludes:
                return f"found {name} and {other}, which make no sense together; allowed: one of them"
    for hook, does in ALONE.items():
        found = [name for name in names if has(name, hook)]
        if len(found) > 1:
            return f"found {' and '.join(found)}, which each {does}; allowed: one of them"
    return None
