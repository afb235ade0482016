"""Adversarial training: a second gradient at the worst nearby embedding. One file each; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.adversarial.base import Adversarial

ADVERSARIAL = {
    "fgm": "tuneproof.adversarial.fgm:FGM",
    "freelb": "tuneproof.adversarial.freelb:FreeLB",
    "pgd": "tuneproof.adversarial.pgd:PGD",
    "smart": "tuneproof.adversarial.smart:Smart",
    "vat": "tuneproof.adversarial.vat:VAT",
}


def get(name: str) -> type[Adversarial]:
    """The class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(ADVERSARIAL, name)
