"""Trainable tokens: the word embeddings of the data's most frequent sub-tokens, and the head, learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class TrainableTokens(PeftTuning):
    """Embeddings of the `tokens` sub-tokens that occur most often in the training rows, the special ones included.

    A sub-token that is in every text has a say in each prediction; of equally frequent ones the lower id is taken.
    peft's configuration of this name neither trains nor saves the head, hence LoRA's, which knows trainable tokens
    too, without any LoRA layer. peft writes the whole table of embeddings in each step, which takes its time.
    """

    idea = "Embeddings of the data's most frequent sub-tokens learn."
    paper = "after Artetxe, Ruder and Yogatama 2020, arXiv 1910.11856, where embeddings of a language learn"
    # MiniLM, 300 movie reviews in batches of 32, 3 epochs (accuracy; LoRA at 3e-3: .77): 1e-2 .66.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)
    never_decay = ("trainable_tokens_delta",)  # embeddings, not changes of them

    tokens: int = Field(100, ge=1, description="How many sub-tokens learn.")

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        """Stands for the lowest ids until `begin` has seen the data."""
        from peft import LoraConfig
        from peft.utils.constants import DUMMY_TARGET_MODULES

        table: Any = model.get_input_embeddings()
        some = list(range(min(self.tokens, table.num_embeddings)))
        return LoraConfig(target_modules=DUMMY_TARGET_MODULES, trainable_token_indices=some)

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        import numpy as np

        embeddings: Any = model.get_input_embeddings()
        known = len(embeddings.token_adapter.token_indices["default"])
        counts = np.bincount(np.concatenate(material.train.columns["input_ids"]), minlength=known)
        frequent = np.sort(np.argsort(-counts, kind="stable")[:known]).tolist()
        embeddings.token_adapter.update_layer("default", token_indices=frequent)
        peft_support.config_of(model).trainable_token_indices = frequent
