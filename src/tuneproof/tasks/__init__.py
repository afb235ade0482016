"""Tasks: what the head predicts, its loss, decoding and scores. One file each; one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof import registry

if TYPE_CHECKING:
    from tuneproof.tasks.base import Task

TASKS = {
    "classification": "tuneproof.tasks.classification:Classification",
    "ner": "tuneproof.tasks.ner:Ner",
    "regression": "tuneproof.tasks.regression:Regression",
}


def get(name: str) -> Task:
    """The task. Raises KeyError for an unknown name."""
    return registry.load(TASKS, name)()
