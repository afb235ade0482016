"""Tunings: which part of the network learns. One file each; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.tunings.base import Tuning

TUNINGS = {
    "adalora": "tuneproof.tunings.adalora:AdaLora",
    "adapter": "tuneproof.tunings.adapter:Adapter",
    "bitfit": "tuneproof.tunings.bitfit:BitFit",
    "full": "tuneproof.tunings.full:Full",
    "gradual": "tuneproof.tunings.gradual:Gradual",
    "ia3": "tuneproof.tunings.ia3:IA3",
    "layerwise": "tuneproof.tunings.layerwise:Layerwise",
    "lora": "tuneproof.tunings.lora:Lora",
    "p-tuning": "tuneproof.tunings.p_tuning:PTuning",
    "partial": "tuneproof.tunings.partial:Partial",
    "prefix": "tuneproof.tunings.prefix:Prefix",
    "probe": "tuneproof.tunings.probe:Probe",
    "prompt": "tuneproof.tunings.prompt:PromptTuning",
}


def get(name: str) -> type[Tuning]:
    """The tuning's class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(TUNINGS, name)
