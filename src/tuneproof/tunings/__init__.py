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
    "boft": "tuneproof.tunings.boft:BOFT",
    "c3a": "tuneproof.tunings.c3a:C3A",
    "cloze": "tuneproof.tunings.cloze:Cloze",
    "cloze-zero-shot": "tuneproof.tunings.cloze:ClozeZeroShot",
    "delora": "tuneproof.tunings.delora:Delora",
    "fourierft": "tuneproof.tunings.fourierft:FourierFT",
    "full": "tuneproof.tunings.full:Full",
    "gradual": "tuneproof.tunings.gradual:Gradual",
    "gralora": "tuneproof.tunings.gralora:Gralora",
    "hira": "tuneproof.tunings.hira:Hira",
    "hra": "tuneproof.tunings.hra:HRA",
    "ia3": "tuneproof.tunings.ia3:IA3",
    "knn": "tuneproof.tunings.knn:Knn",
    "layerwise": "tuneproof.tunings.layerwise:Layerwise",
    "ln-tuning": "tuneproof.tunings.ln_tuning:LNTuning",
    "logistic": "tuneproof.tunings.logistic:Logistic",
    "loha": "tuneproof.tunings.loha:LoHa",
    "lokr": "tuneproof.tunings.lokr:LoKr",
    "lora": "tuneproof.tunings.lora:Lora",
    "miss": "tuneproof.tunings.miss:Miss",
    "nearest-mean": "tuneproof.tunings.nearest_mean:NearestMean",
    "nn-tagger": "tuneproof.tunings.nn_tagger:NNTagger",
    "oft": "tuneproof.tunings.oft:OFT",
    "p-tuning": "tuneproof.tunings.p_tuning:PTuning",
    "partial": "tuneproof.tunings.partial:Partial",
    "peft": "tuneproof.tunings.any_peft:AnyPeft",
    "prefix": "tuneproof.tunings.prefix:Prefix",
    "probe": "tuneproof.tunings.probe:Probe",
    "prompt": "tuneproof.tunings.prompt:PromptTuning",
    "psoft": "tuneproof.tunings.psoft:Psoft",
    "randlora": "tuneproof.tunings.randlora:RandLora",
    "road": "tuneproof.tunings.road:Road",
    "setfit": "tuneproof.tunings.setfit:SetFit",
    "shira": "tuneproof.tunings.shira:Shira",
    "tinylora": "tuneproof.tunings.tinylora:TinyLora",
    "trainable-tokens": "tuneproof.tunings.trainable_tokens:TrainableTokens",
    "vblora": "tuneproof.tunings.vblora:VBLora",
    "vera": "tuneproof.tunings.vera:Vera",
    "waveft": "tuneproof.tunings.waveft:WaveFT",
    "zero-shot": "tuneproof.tunings.zero_shot:ZeroShot",
}


def get(name: str) -> type[Tuning]:
    """The tuning's class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(TUNINGS, name)
