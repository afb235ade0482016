"""What weight averaging has in common: a tensor of sums beside each parameter that learns."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from pydantic import PrivateAttr

from tuneproof.regularisers.base import Regulariser

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

COUNT = "count"
"""Key of the number of averaged steps in a state; parameters' names follow `mean/`."""


class Averaging(Regulariser):
    """Keeps `means` by name, as float32 on the parameters' device, and `count`, the steps that they are made of."""

    whole_vocabulary = True  # an average of weights that decay is not the weight that has decayed

    _means: dict[str, torch.Tensor] = PrivateAttr(default_factory=dict)
    _count: int = PrivateAttr(default=0)
    _total: int = PrivateAttr(default=0)

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if any(".lora_E." in name for name, _ in model.named_parameters()):
            return "averaged weights would have ranks again that AdaLoRA has taken away"
        return None

    def begin(self, model: PreTrainedModel, total_steps: int) -> None:
        import torch

        self._total = total_steps
        self._means = {
            name: torch.zeros_like(parameter, dtype=torch.float32, requires_grad=False)
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }

    @abstractmethod
    def share(self, step: int) -> float | None:
        """How far the means move to the weights after a step, 0 to 1; None where this step does not count."""

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        import torch

        share = self.share(step)
        if share is None:
            return
        self._count += 1
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in self._means:
                    self._means[name].lerp_(parameter.float(), share)

    def state(self) -> dict[str, torch.Tensor]:
        import torch

        return {COUNT: torch.tensor(self._count), **{f"mean/{name}": mean for name, mean in self._means.items()}}

    def restore(self, model: PreTrainedModel, state: dict[str, torch.Tensor]) -> None:
        self._count = int(state[COUNT])
        for name, mean in self._means.items():
            mean.copy_(state[f"mean/{name}"])
