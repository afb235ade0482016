"""Base of the tunings that are one configuration of peft's each."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import Tuning
from tuneproof.tunings.peft_support import Targets, Widths

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class PeftTuning(Tuning):
    """Says what peft shall do in `config`; the head learns beside it, and is saved with it."""

    never_decay: ClassVar[tuple[str, ...]] = ()
    """Parts of names of parameters for which zero is not `no change`, so that weight decay would do harm."""

    @abstractmethod
    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        """peft's configuration for this model; whatever depends on widths, names or steps is worked out here."""

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        peft_support.prepare()
        return peft_support.wrap(model, task, self.config(model, task, total_steps))

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        return super().decays(name, parameter) and not any(part in name for part in self.never_decay)

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        peft_support.save(model, folder)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        return peft_support.load(model, folder)


class LinearTuning(PeftTuning):
    """Changes linear layers: a subclass names peft's configuration class and the options for it."""

    peft_config: ClassVar[str]
    """Name of the configuration class in `peft`."""

    targets: Targets = Field(
        "attention", description="Which linear layers: query and value projections, or all of the body."
    )

    def options(self, widths: Widths) -> dict[str, Any]:
        """Arguments of the configuration class besides `target_modules`; `widths` are those of the targets."""
        return {}

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if peft_support.linears(model, self.targets):
            return None
        return f"no attention layers found by name in {type(model).__name__} ({model.config.model_type})"

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        import peft

        options = self.options(Widths.of(peft_support.linears(model, self.targets)))
        targets = peft_support.target_modules(model, self.targets)
        return getattr(peft, self.peft_config)(target_modules=targets, **options)
