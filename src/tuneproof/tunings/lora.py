"""LoRA: low-rank updates beside frozen linear layers, and its variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneproof.tunings import peft_support
from tuneproof.tunings.base import LearningRates, Material
from tuneproof.tunings.peft_support import Widths
from tuneproof.tunings.peft_tuning import LinearTuning

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

_EVA_BATCHES, _EVA_ROWS = 16, 16
"""How much training data EVA looks at."""


class Lora(LinearTuning):
    """W + (alpha / rank) · B A, with A of rank × inputs and B of outputs × rank starting at zero.

    Variants, which may be combined:

    - `rslora` multiplies by alpha / √rank instead (Kalajdzievski 2023, arXiv 2312.03732).
    - `dora` learns the norm of each row of the sum on its own (Liu et al. 2024, arXiv 2402.09353).
    - `loraplus` lets B learn faster than A (Hayou, Ghosh and Yu 2024, arXiv 2402.12354).
    - `init: pissa` starts from the principal singular vectors of W, which are taken out of W (Meng et al. 2024, arXiv
      2404.02948); `olora` does so with a QR decomposition (Büyükakyüz 2024, arXiv 2406.01775); `orthogonal` makes A
      and B orthogonal to each other, so that neither is zero; `eva` starts A from the principal components of each
      layer's inputs on training data (Paischer et al. 2024, arXiv 2410.07170; ranks stay equal, its ρ = 1).
    """

    idea = "Low-rank updates of the query and value projections learn."
    paper = "Hu et al. 2022, arXiv 2106.09685"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .57/.00, 3e-3 .76/.34, 1e-2 .76/.35, 3e-2 .54/.00.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)
    peft_config = "LoraConfig"

    rank: int = Field(8, ge=1, description="Rank of each update.")
    alpha: float = Field(16, gt=0, description="The update is multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="On the update's input.")
    init: Literal["default", "gaussian", "orthogonal", "pissa", "olora", "eva"] = Field(
        "default", description="How A and B start; default: A uniform as linear layers, B zero."
    )
    rslora: bool = Field(False, description="Multiply by alpha / √rank.")
    dora: bool = Field(False, description="Learn the norms of the rows of the updated weights on their own.")
    loraplus: float = Field(1.0, gt=0, description="Learning rate of B, in those of A; LoRA+ takes 16.")

    @field_validator("init", mode="before")
    @classmethod
    def _survives_a_reload(cls, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("pissa_niter"):
            raise ValueError(
                "allowed: pissa; a randomised decomposition takes other parts out of the frozen weights on each load"
            )
        return value

    @model_validator(mode="after")
    def _halves(self) -> Self:
        if self.init == "orthogonal" and self.rank % 2:
            raise ValueError(f"rank: found {self.rank}; allowed: an even number with init orthogonal")
        return self

    def options(self, widths: Widths) -> dict[str, Any]:
        return {
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": self.dropout,
            "init_lora_weights": True if self.init in ("default", "eva") else self.init,  # EVA: see `begin`
            "use_rslora": self.rslora,
            "use_dora": self.dora,
        }

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        if self.init != "eva":
            return
        from tuneproof.train import batches
        from tuneproof.tunings import eva

        rows = batches.shuffled(material.train.lengths, _EVA_ROWS, peft_support.drawn_seed())[:_EVA_BATCHES]
        inputs = [material.train.collate(some, model.config.pad_token_id or 0, model.device) for some in rows]
        eva.start(model, [{name: batch[name] for name in batch if name != "labels"} for batch in inputs], self.rank)

    def rates(self, model: PreTrainedModel) -> dict[str, float]:
        return {name: self.loraplus for name, _ in model.named_parameters() if ".lora_B." in name}

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """Not A and B where they hold a part of the pre-trained weights."""
        holds_weights = self.init in ("pissa", "olora") and ".lora_" in name
        return super().decays(name, parameter) and not holds_weights
