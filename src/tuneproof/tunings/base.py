"""What every tuning promises.

A tuning is a frozen pydantic model: its fields are its options, its methods say which parameters of a pre-trained
model learn and how what was learned is kept. The classification head always learns.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tuneproof.method_part import MethodPart

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens
    from tuneproof.train.features import Features
    from tuneproof.train.step import Step


class LearningRates(NamedTuple):
    """Where the search looks: log-uniform between low and high, first trial at `first`."""

    low: float
    high: float
    first: float


class Material(NamedTuple):
    """What a tuning may look at when it starts from data, or settles a head in closed form."""

    train: Tokens
    """The training rows as the model takes them now: their ids fit its word embeddings."""
    labels: list[str]
    """Names of the model's outputs, in order."""
    model_folder: Path
    """The pre-trained model's folder, with its tokenizer."""
    precision: str
    """`fp32`, `bf16` or `fp16`."""
    features: Features | None = None
    """The frozen body's stored outputs for the training rows, where the fit has them."""


class Tuning(MethodPart):
    """Base of all tunings; fields of the subclasses are the options a user may set."""

    learning_rates: ClassVar[LearningRates]
    frozen_body: ClassVar[bool] = False
    """True where only the head learns, so that the body's features can be computed once and kept."""
    scale: ClassVar[str] = "learning rate"
    """What the search looks for between the ends of `learning_rates`."""
    by_gradient: ClassVar[bool] = True
    """False where `settle` does all the learning: such a fit is one epoch without a step."""
    hidden_states: ClassVar[bool] = False
    """True where `objective` looks at the hidden states of all layers."""
    whole_vocabulary: ClassVar[bool] = False
    """True where it does more than weight decay to embeddings of words that the data does not mention."""

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        """Why this tuning cannot run on the model and task, or None where it can."""
        return None

    @abstractmethod
    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        """Freeze and wrap a fresh pre-trained model; `requires_grad` afterwards says what learns.

        `total_steps` is the number of optimizer steps of the fit (AdaLoRA's schedule needs it). New parameters are
        drawn from torch's global random generator, which the caller has seeded.
        """

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        """Called once before the first step, for what starts from data: not called when a saved tuning is loaded."""

    def rates(self, model: PreTrainedModel) -> dict[str, float]:
        """Factors on the learning rate of learned parameters by name; 1 for those not named."""
        return {}

    def objective(self, step: Step, outputs: Any) -> torch.Tensor | None:
        """The mean loss of some rows where it is not the task's own, or None; `outputs` are the model's."""
        return None

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        """Called after each epoch, before validation: put what has a closed form in place. `scale` is the search's."""

    def settled(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        """The tensors of the model that `settle` writes, by name."""
        return {}

    def before_step(self, model: PreTrainedModel, step: int, total_steps: int) -> None:
        """Called before the gradients of optimizer step number `step` (from 1): may turn `requires_grad` off and on.

        All that ever learns has `requires_grad` after `attach`, and must have it again after the last step.
        """

    def penalty(self, model: PreTrainedModel) -> torch.Tensor | None:
        """A scalar that the method's paper adds to the task's loss, or None."""
        return None

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """Whether weight decay pulls a learned parameter towards zero; biases and norms are left alone."""
        return parameter.ndim > 1

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        """Called after optimizer step number `step` (from 1), before gradients are cleared."""

    def state(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        """What `after_step` remembers from step to step besides the parameters that learn, for a fit to go on from."""
        return {}

    def restore(self, model: PreTrainedModel, state: dict[str, torch.Tensor]) -> None:
        """Put back what `state` gave."""

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        """Write what was learned to `folder` as safetensors. Default: all parameters that learn, by name."""
        from tuneproof.tunings import weights

        weights.save_learned(model, folder)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        """Put what `save` wrote onto a fresh pre-trained model. The result predicts exactly as the saved one did."""
        from tuneproof.tunings import weights

        tuned = self.attach(model, task, total_steps=1)
        weights.load_learned(tuned, folder)
        return tuned
