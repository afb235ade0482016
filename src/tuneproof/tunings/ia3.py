"""(IA)³: learned vectors rescale keys, values and the inner activations of the feed-forward layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class IA3(PeftTuning):
    """Three vectors a layer, all starting at one: l_k and l_v on keys and values, l_ff before the second dense layer.

    peft's own table for BERT also rescales the input of the attention's output projection, as its `output.dense`
    matches two layers; here it is the paper's three.
    """

    idea = "Vectors that rescale keys, values and feed-forward activations learn."
    paper = "Liu et al. 2022, arXiv 2205.05638"
    # Few parameters, so large steps. MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-2 .67/.35, 3e-2 .75/.34,
    # 1e-1 .74/.39, 3e-1 .70/.00.
    learning_rates = LearningRates(3e-3, 3e-1, first=3e-2)
    never_decay = ("ia3_l",)  # they start at one, where they change nothing, and zero would silence the layer

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        """peft's own table is asked where names say nothing: it knows DeBERTa's fused projections."""
        from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as TABLE

        if structure.pattern(model, *_ROLES) is not None or model.config.model_type in TABLE:
            return None
        return f"no attention layers found by name in {type(model).__name__} ({model.config.model_type})"

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import IA3Config

        targets = structure.pattern(model, *_ROLES)
        inner = None if targets is None else structure.pattern(model, "feed_forward_output")
        return IA3Config(target_modules=targets, feedforward_modules=inner)


_ROLES = ("key", "value", "feed_forward_output")
