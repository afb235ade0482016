"""Any method of the installed peft, by the name of its type and the options of its configuration."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from tuneproof.errors import MethodError
from tuneproof.mistakes import Mistakes, allowed, shown
from tuneproof.tunings import peft_configs, peft_support, structure
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import PeftTuning

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

_UNFIT = {
    "ADALORA": "takes ranks away in the course of a fit; use the tuning adalora",
    "ADAPTION_PROMPT": "is for decoders like Llama",
    "CARTRIDGE": "distils a long text into keys and values for a decoder",
    "CPT": "is for decoders",
    "MULTITASK_PROMPT_TUNING": "needs several tasks at once",
    "POLY": "needs several tasks at once",
    "PREFIX_TUNING": "shortens what fits into the model; use the tuning prefix",
    "PROMPT_TUNING": "shortens what fits into the model; use the tuning prompt",
    "P_TUNING": "shortens what fits into the model; use the tuning p-tuning",
    "SHADOW": "trains a second model beside a decoder",
    "TRAINABLE_TOKENS": "saves no head; use the tuning trainable-tokens",
    "XLORA": "mixes LoRAs that were learned before",
}


class AnyPeft(PeftTuning):
    """One configuration class of peft's with its own defaults, on the query and value projections unless told else.

    `target_modules: all-linear` means all linear layers of the body here, never the head. Nothing is worked out: where
    a default of peft's does not fit the model's widths, `options` must say another. What peft calculates anew on each
    load (clusters of ADAMSS, singular vectors of PSOFT) may differ on another kind of machine.
    """

    idea = "Whatever a configuration of peft's says learns."
    paper = "Mangrulkar et al. 2022, github.com/huggingface/peft; LoRA, the default: Hu et al. 2022, arXiv 2106.09685"
    # A range for low-rank updates; `learning_rate` of the method sets another.
    learning_rates = LearningRates(1e-4, 1e-1, first=3e-3)

    type: str = Field("LORA", description="Type of method as peft names it, like LORA or HIRA.")
    options: dict[str, Any] = Field(default={}, description="Options of its configuration class by name.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.type not in peft_configs.types():
            near = allowed(sorted(peft_configs.types()), self.type.upper())
            raise Mistakes.at("type", text=f"found {shown(self.type)}; {near}")
        try:
            peft_configs.check(self.type, self.options)
        except Mistakes as error:
            raise Mistakes(part._replace(path=("options", *part.path)) for part in error.mistakes) from None
        return self

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        """Tries one step on a copy, as methods for decoders fail in many ways on an encoder."""
        if self.type in _UNFIT:
            return f"peft's {self.type} {_UNFIT[self.type]}"
        import torch

        with torch.random.fork_rng(devices=[]):
            try:
                return self._try(task, copy.deepcopy(model))
            except Exception as error:
                first = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                return f"peft's {self.type} does not run on {type(model).__name__} ({first})"

    def _try(self, task: Task, model: PreTrainedModel) -> str | None:
        import torch

        inputs: dict[str, Any] = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
        shape = model(**inputs).logits.shape
        tuned = self.attach(model, task, total_steps=1)
        learn = {name for name, parameter in tuned.named_parameters() if parameter.requires_grad}
        if not any(_is_peft(name) for name in learn):
            return f"peft's {self.type} leaves nothing to learn but the head"
        logits: torch.Tensor = tuned(**inputs).logits
        if logits.shape != shape:
            return f"peft's {self.type} gives {tuple(logits.shape)} outputs in place of {tuple(shape)}"
        logits.sum().backward()
        return None

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import PeftType
        from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

        options = {name: _as_lists(value) for name, value in self.options.items()}
        known = peft_configs.options(self.type).model_fields
        if "progressbar" in known:
            options.setdefault("progressbar", False)
        if "target_modules" in known:
            options.setdefault("target_modules", self._targets(model))
            if options["target_modules"] == "all-linear":
                options["target_modules"] = peft_support.target_modules(model, "all-linear")
        try:
            return PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[self.type]](**options)
        except (TypeError, ValueError) as error:
            raise MethodError(f"peft refuses the options of {self.type}: {' '.join(str(error).split())}") from error

    def _targets(self, model: PreTrainedModel) -> str | list[str] | None:
        if self.type == "LN_TUNING":
            return list(structure.layer_norms(model))
        return None if self.type == "IA3" else peft_support.target_modules(model, "attention")

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """The head alone: what zero means for a parameter of peft's, each method knows for itself."""
        return super().decays(name, parameter) and not _is_peft(name)


def _is_peft(name: str) -> bool:
    return ".modules_to_save." not in name


def _as_lists(value: Any) -> Any:
    """Tuples, as checked params hold them, as the lists that peft expects."""
    if isinstance(value, dict):
        return {key: _as_lists(inner) for key, inner in value.items()}
    return [_as_lists(inner) for inner in value] if isinstance(value, list | tuple) else value
