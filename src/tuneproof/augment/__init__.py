"""Augmentation techniques: new training rows from old ones. One file each; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.augment.base import Technique

TECHNIQUES = {
    "aeda": "tuneproof.augment.aeda:Aeda",
    "back-translation": "tuneproof.augment.back_translation:BackTranslation",
    "command": "tuneproof.augment.command:Command",
    "eda": "tuneproof.augment.eda:Eda",
    "label-wise": "tuneproof.augment.label_wise:LabelWise",
    "mention": "tuneproof.augment.mention:Mention",
    "ner-synonym": "tuneproof.augment.ner_synonym:NerSynonym",
    "noise": "tuneproof.augment.noise:Noise",
    "shuffle": "tuneproof.augment.shuffle:Shuffle",
    "synonym": "tuneproof.augment.synonym:Synonym",
    "tfidf": "tuneproof.augment.tfidf:Tfidf",
}


def get(name: str) -> type[Technique]:
    """The technique's class; its fields are its options. Raises KeyError for an unknown name."""
    return registry.load(TECHNIQUES, name)
