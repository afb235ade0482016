"""(IA)³: learned vectors rescale keys, values and the inner activations of the feed-forward layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuneproof.tunings import peft_support, structure
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class IA3(Tuning):
    """Three vectors a layer, all starting at one: l_k and l_v on keys and values, l_ff before the second dense layer.

    peft's own table for BERT also rescales the input of the attention's output projection, as its `output.dense`
    matches two layers; here it is the paper's three.
    """

    idea = "Vectors that rescale keys, values and feed-forward activations learn."
    paper = "Liu et al. 2022, arXiv 2205.05638"
    # Few parameters, so large steps. MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-2 .67/.35, 3e-2 .75/.34,
    # 1e-1 .74/.39, 3e-1 .70/.00.
    learning_rates = LearningRates(3e-3, 3e-1, first=3e-2)

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        from peft.utils import constants

        table = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
        return peft_support.without_targets(model, structure.pattern(model, *_ROLES), table)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        from peft import IA3Config

        targets = structure.pattern(model, *_ROLES)
        inner = None if targets is None else structure.pattern(model, "feed_forward_output")
        return peft_support.wrap(model, task, IA3Config(target_modules=targets, feedforward_modules=inner))

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """Not the vectors: they start at one, where they change nothing, and zero would silence the layer."""
        return "ia3_l" not in name and super().decays(name, parameter)

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        peft_support.save(model, folder)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        return peft_support.load(model, folder)


_ROLES = ("key", "value", "feed_forward_output")
