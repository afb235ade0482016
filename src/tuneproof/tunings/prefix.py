"""Prefix tuning: learned keys and values before every layer's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tuneproof.errors import MethodError
from tuneproof.tunings import room
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Prefix(PeftTuning):
    """Keys and values of `tokens` virtual tokens at every layer.

    Learned directly they are P-tuning v2 (Liu et al. 2022). With `reparametrise` they are the outputs of an MLP on
    learned embeddings, as Li & Liang train them; what is saved are the keys and values, without the MLP. The virtual
    tokens take the first positions: a text's own start at `tokens`, so that much less text fits.
    """

    idea = "Keys and values of virtual tokens learn, at every layer."
    paper = "Li and Liang 2021, arXiv 2101.00190; Liu et al. 2022, arXiv 2110.07602"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .54/.01, 1e-2 .60/.28, 3e-2 .66/.32, 1e-1 .54/.33.
    learning_rates = LearningRates(1e-3, 1e-1, first=3e-2)

    tokens: int = Field(20, ge=1, description="Virtual tokens before the text.")
    reparametrise: bool = Field(False, description="Learn through an MLP, as wide inside as the model.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        import inspect

        if "past_key_values" not in inspect.signature(model.base_model.forward).parameters:
            return f"{type(model).__name__} ({model.config.model_type}) takes no past keys and values"
        return room.misfit(model, self.tokens)

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import PrefixTuningConfig

        return PrefixTuningConfig(num_virtual_tokens=self.tokens, prefix_projection=self.reparametrise)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        longest = room.longest(model, self.tokens)
        tuned: Any = super().attach(model, task, total_steps=total_steps)
        if self.reparametrise:
            from tuneproof.tunings.virtual import Once

            encoder = tuned.prompt_encoder["default"]
            encoder.transform = Once(encoder.transform)
        return _guarded(tuned, longest, self.tokens)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        longest = room.longest(model, self.tokens)
        return _guarded(super().load(model, task, folder), longest, self.tokens)


def _guarded(model: PreTrainedModel, longest: int | None, tokens: int) -> PreTrainedModel:
    """Refuse texts that do not fit beside the prefix."""
    model.register_forward_pre_hook(_length_check(longest, tokens), with_kwargs=True)
    return model


def _length_check(longest: int | None, tokens: int) -> Callable[..., None]:
    def check(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        batch = args[0] if args else kwargs.get("input_ids")
        room.check((kwargs["inputs_embeds"] if batch is None else batch).shape[1], tokens, longest)

    return check
