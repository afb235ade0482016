"""What adversarial training promises: gradients at perturbed embeddings, the model left as it was."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class Adversarial(BaseModel, ABC):
    """Base of all adversarial trainings; fields of the subclasses are the options a user may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idea: ClassVar[str]
    paper: ClassVar[str]

    @abstractmethod
    def backward(
        self,
        model: PreTrainedModel,
        inputs: dict[str, torch.Tensor],
        loss_of: Callable[[dict[str, torch.Tensor]], torch.Tensor],
        scale: float,
    ) -> torch.Tensor:
        """Run forward and backward for one batch and add this training's gradients; returns the clean loss.

        `inputs` holds `input_ids`, `attention_mask` and the like; `loss_of(inputs)` is the batch's mean loss and
        takes `inputs_embeds` in place of `input_ids` too; `scale` multiplies each loss before `backward()`
        (accumulation). Parameters have the same values afterwards.
        """
