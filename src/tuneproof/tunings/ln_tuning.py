"""LN tuning: the layer norms and the head learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class LNTuning(PeftTuning):
    """Scales and shifts of all norms of the transformer layers; the embeddings' norm stays frozen, as in `adapter`."""

    idea = "Only layer norms and the head learn."
    paper = "Zhao et al. 2023, arXiv 2312.11420"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 3e-3 .67, 1e-2 .70.
    learning_rates = LearningRates(3e-4, 3e-2, first=1e-2)

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if structure.layer_norms(model):
            return None
        return f"no layer norms found by name in {type(model).__name__} ({model.config.model_type})"

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import LNTuningConfig

        return LNTuningConfig(target_modules=list(structure.layer_norms(model)))
