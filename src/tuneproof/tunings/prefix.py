"""Prefix tuning: learned keys and values before every layer's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tuneproof.errors import MethodError
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

_SHORTEST = 16
"""Sub-tokens that must still fit beside the prefix for the method to make sense."""


class Prefix(PeftTuning):
    """Keys and values of `tokens` virtual tokens at every layer, learned directly (P-tuning v2; Li & Liang use an MLP).

    The virtual tokens take the first positions: a text's own start at `tokens`, so that much less text fits.
    """

    idea = "Keys and values of virtual tokens learn, at every layer."
    paper = "Li and Liang 2021, arXiv 2101.00190; Liu et al. 2022, arXiv 2110.07602"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .54/.01, 1e-2 .60/.28, 3e-2 .66/.32, 1e-1 .54/.33.
    learning_rates = LearningRates(1e-3, 1e-1, first=3e-2)

    tokens: int = Field(20, ge=1, description="Virtual tokens before the text.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        import inspect

        if "past_key_values" not in inspect.signature(model.base_model.forward).parameters:
            return f"{type(model).__name__} ({model.config.model_type}) takes no past keys and values"
        longest = self.longest(model)
        if longest is not None and longest < _SHORTEST:
            return f"{self.tokens} virtual tokens leave {max(longest, 0)} positions for text; needed: {_SHORTEST}"
        return None

    def longest(self, model: PreTrainedModel) -> int | None:
        """How many sub-tokens fit beside the prefix; None where positions are not embedded in a table."""
        from torch import nn

        for name, module in model.named_modules():
            if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
                # RoBERTa's positions start behind the padding index, BERT's at 0.
                first = 0 if module.padding_idx is None else module.padding_idx + 1
                return module.num_embeddings - first - self.tokens
        return None

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import PrefixTuningConfig

        return PrefixTuningConfig(num_virtual_tokens=self.tokens, prefix_projection=False)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        longest = self.longest(model)
        return _guarded(super().attach(model, task, total_steps=total_steps), longest, self.tokens)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        longest = self.longest(model)
        return _guarded(super().load(model, task, folder), longest, self.tokens)


def _guarded(model: PreTrainedModel, longest: int | None, tokens: int) -> PreTrainedModel:
    """Refuse a batch whose positions would run out of the table, which torch reports as an index out of range."""
    if longest is not None:
        model.register_forward_pre_hook(_length_check(longest, tokens), with_kwargs=True)
    return model


def _length_check(longest: int, tokens: int) -> Callable[..., None]:
    def check(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        batch = args[0] if args else kwargs.get("input_ids")
        length = (kwargs["inputs_embeds"] if batch is None else batch).shape[1]
        if length > longest:
            raise MethodError(
                f"a text of {length} sub-tokens and {tokens} virtual tokens do not fit into the model's "
                f"{longest + tokens} positions; allowed: max_length up to {longest}"
            )

    return check
