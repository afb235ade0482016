"""AdaLoRA: LoRA in the form of a singular value decomposition whose ranks are moved to where they matter."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import Field, model_validator

from tuneproof import files
from tuneproof.tunings import peft_support, weights
from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.peft_tuning import LinearTuning

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


AVERAGES = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""Importances in peft's rank allocator: of this step, its moving average, and the average of its changes."""
RANKS = "ranks"


class Schedule(NamedTuple):
    """When ranks are taken away, in optimizer steps (the paper's t_i, t_f, ΔT and T)."""

    warm: int
    """Steps at the start with all ranks."""
    final: int
    """Steps at the end with the target ranks."""
    interval: int
    """Steps between two allocations."""
    total: int

    @classmethod
    def of(cls, total_steps: int) -> Schedule:
        """The shares of the paper's GLUE runs: a tenth at the start, half at the end, allocation every T/1000 steps.

        The importance of a rank is known one step after the start at the earliest, hence at least three steps; a fit
        of one step ends before the target is reached.
        """
        total = max(total_steps, 3)
        return cls(warm=total // 10, final=total // 2, interval=max(1, total // 1000), total=total)


class AdaLora(LinearTuning):
    """W + (alpha / initial rank) · P Λ Q; entries of Λ are set to zero, least important first.

    The paper adds `orthogonality` · mean ‖PᵀP − I‖ to the loss (its γ R(P, Q)): see `penalty`.
    """

    idea = "Low-rank updates learn, and their ranks move to the layers where they matter."
    paper = "Zhang et al. 2023, arXiv 2303.10512"
    # Above LoRA's: the update is a product of three small factors. MiniLM, 300 texts, 3 epochs (accuracy / entity F1):
    # 3e-3 .62/.02, 1e-2 .65/.36, 3e-2 .74/.36, 1e-1 .58/.35.
    learning_rates = LearningRates(1e-3, 1e-1, first=1e-2)

    rank: int = Field(8, ge=1, description="Mean rank at the end.")
    initial_rank: int = Field(12, ge=2, description="Rank of every update at the start; above `rank`.")
    alpha: float = Field(16, gt=0, description="The update is multiplied by alpha / initial_rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")
    orthogonality: float = Field(0.1, ge=0, description="Weight of the penalty that keeps P and Q orthogonal.")

    @model_validator(mode="after")
    def _ranks_to_take(self) -> Self:
        if self.initial_rank <= self.rank:
            raise ValueError(f"initial_rank: found {self.initial_rank}; allowed: above rank ({self.rank})")
        return self

    def config(self, model: PreTrainedModel, task: Task, total_steps: int) -> PeftConfig:
        from peft import AdaLoraConfig

        schedule = Schedule.of(total_steps)
        return AdaLoraConfig(
            init_r=self.initial_rank,
            target_r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]
            lora_dropout=self.dropout,
            orth_reg_weight=self.orthogonality,
            tinit=schedule.warm,
            tfinal=schedule.final,
            deltaT=schedule.interval,
            total_step=schedule.total,
            target_modules=peft_support.target_modules(model, self.targets),
        )

    def penalty(self, model: PreTrainedModel) -> torch.Tensor:
        """γ · mean over all P and Q of ‖PᵀP − I‖ (Frobenius): a scalar to add to the task's loss.

        peft adds it only to losses that the model computes itself from `labels`.
        """
        import torch

        terms = []
        for name, parameter in model.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                gram = parameter @ parameter.T if ".lora_A." in name else parameter.T @ parameter
                terms.append(torch.linalg.matrix_norm(gram - torch.eye(len(gram), device=gram.device)))
        return self.orthogonality * torch.stack(terms).mean()

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        """Score the ranks by this step's gradients and take away what the schedule says."""
        tuner: Any = model.base_model
        tuner.update_and_allocate(step)

    def state(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        """The smoothed importance of every weight, and the ranks of the last allocation."""
        import torch

        allocator: Any = model.base_model.rankallocator
        averages = {f"{kind}/{name}": tensor for kind in AVERAGES for name, tensor in getattr(allocator, kind).items()}
        pattern = peft_support.config_of(model).rank_pattern or {}
        return {**averages, **{f"{RANKS}/{name}": torch.tensor(kept) for name, kept in pattern.items()}}

    def restore(self, model: PreTrainedModel, state: dict[str, torch.Tensor]) -> None:
        allocator: Any = model.base_model.rankallocator
        allocator.reset_ipt()
        pattern = {}
        for key, tensor in state.items():
            kind, _, name = key.partition("/")
            if kind == RANKS:
                pattern[name] = tensor.tolist()
            else:
                getattr(allocator, kind)[name] = tensor.to(model.device)
        if pattern:
            peft_support.config_of(model).rank_pattern = pattern

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        """Write the ranks that are left, in peft's format: `rank_pattern` says which of the initial ones they are.

        The pattern is read off Λ, not off the last allocation: weights put back to an earlier epoch, or ranks that
        revived between two allocations, are then saved as they are.
        """
        config = peft_support.config_of(model)
        tuner: Any = model.base_model
        allocated = config.rank_pattern
        config.rank_pattern = {
            name: (parameter[:, 0] != 0).tolist()
            for name, parameter in tuner.model.named_parameters()
            if ".lora_E." in name
        }
        try:
            with warnings.catch_warnings():
                # a layer without ranks is what the method is about; peft warns of its empty tensors
                warnings.filterwarnings("ignore", message="Adapter 'default': .* invalid shape")
                peft_support.save(model, folder)
        finally:
            config.rank_pattern = allocated

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        """Put the saved ranks back among the initial ones, the others at zero.

        `PeftModel.from_pretrained` builds smaller matrices instead, whose products may differ in the last bit.
        """
        from peft import get_peft_model_state_dict

        tuned = self.attach(model, task, total_steps=1)
        path = folder / peft_support.WEIGHTS
        tensors = weights.read(path)
        pattern = files.read_json(folder / peft_support.CONFIG)["rank_pattern"]
        for name, kept in pattern.items():
            layer = f"base_model.model.{name.removesuffix('.lora_E')}"
            for part, dimension in (("lora_E", 0), ("lora_A", 0), ("lora_B", 1)):
                key = f"{layer}.{part}"
                if key in tensors:
                    tensors[key] = _spread(tensors[key], kept, dimension)
        weights.put(tensors, get_peft_model_state_dict(tuned, save_embedding_layers=False), path)
        return tuned


def _spread(tensor: torch.Tensor, kept: list[bool], dimension: int) -> torch.Tensor:
    """Give the slices of `tensor` their places among `len(kept)` along a dimension; the others are zero."""
    import torch

    shape = list(tensor.shape)
    shape[dimension] = len(kept)
    places = torch.tensor(kept).nonzero()[:, 0]
    return tensor.new_zeros(shape).index_copy(dimension, places, tensor)
