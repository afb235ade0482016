"""What one fit needs to know, apart from the data: the settings that `search` and `train` read.

Kept apart from `params.py`, so that a change to how params are read does not count as a change of the fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tuneproof import files


class Part(BaseModel):
    """What all parts of params share: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EarlyStopping(Part):
    """Stop when the validation score has not risen for `patience` evaluations; the best weights are restored."""

    patience: int = Field(2, ge=1)
    min_delta: float = Field(0.0, ge=0)


class Training(Part):
    """Settings of one fit; the search adds the learning rate and the warm-up ratio."""

    epochs: int = Field(3, ge=1, le=1000)
    batch_size: int = Field(16, ge=1)
    accumulation: int = Field(1, ge=1, description="Batches whose gradients are added up before a step.")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, le=1, description="Not applied to biases and layer norms.")
    schedule: Literal["linear", "cosine"] = "linear"
    max_grad_norm: float = Field(1.0, ge=0, description="0 turns clipping off.")
    dropout: float | None = Field(None, ge=0, lt=1, description="null: the pre-trained model's own.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 where the hardware multiplies it natively, else fp32."
    )
    early_stopping: EarlyStopping | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    tf32: bool = Field(False, description="CUDA, fp32: products with 10 bits of mantissa, several times as fast.")
    gradient_checkpointing: bool = Field(
        False, description="Compute activations again in the backward pass: less memory, a third more time."
    )


class Space(Part):
    """Settings of a fit that are searched beside the learning rate; they replace what `training` says."""

    weight_decay: tuple[float, float] | None = Field(None, description="Low and high.")
    dropout: tuple[float, float] | None = Field(None, description="Low and high.")

    @field_validator("weight_decay")
    @classmethod
    def _decay(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 <= value[0] < value[1] <= 1:
            raise ValueError("allowed: [low, high] with 0 <= low < high <= 1")
        return value

    @field_validator("dropout")
    @classmethod
    def _share(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 <= value[0] < value[1] < 1:
            raise ValueError("allowed: [low, high] with 0 <= low < high < 1")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.ranges():
            raise ValueError(f"allowed: {' or '.join(type(self).model_fields)}, or both")
        return self

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Setting → low and high, of those that are searched."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in found.items() if value is not None}

    @model_serializer
    def _as_asked(self) -> dict[str, Any]:
        return {name: list(value) for name, value in self.ranges().items()}


class Search(Part):
    """Learning-rate search of one cell; every method gets the same budget."""

    trials: int = Field(6, ge=1, description="Fits a cell, pruned ones included; a total that a resumed run keeps to.")
    seed: int = Field(0, ge=0)
    warmup_ratio: tuple[float, float] = Field((0.0, 0.2), description="Share of the steps that warm up, low and high.")
    pruner: Literal["median", "halving", "none"] = Field(
        "median", description="Stops a trial early when its validation loss falls behind."
    )
    startup: int = Field(4, ge=1, description="Trials spread evenly over the space before TPE (Bergstra 2011) guides.")
    space: Space | None = Field(None, description="Further settings to search; null: learning rate and warm-up alone.")
    workers: int = Field(1, ge=1, le=1000, description="Jobs that share a cell's trials, on several nodes; 1: none.")

    @field_validator("warmup_ratio")
    @classmethod
    def _ratio(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] < 1:
            raise ValueError("allowed: [low, high] with 0 <= low <= high < 1")
        return value

    def further(self) -> dict[str, tuple[float, float]]:
        """Setting → low and high, of those that are searched beside learning rate and warm-up."""
        return {} if self.space is None else self.space.ranges()

    @model_serializer(mode="wrap")
    def _as_asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not asked for, so that settings from before it could be are what they were."""
        unasked = {"workers": 1, "space": None}
        return {key: value for key, value in handler(self).items() if key not in unasked or value != unasked[key]}


class Cell(Part):
    """What `search` and `train` need to know of one dataset × model × method."""

    dataset: str
    model: str
    method: str
    task: str
    tuning: dict[str, Any]
    augmentation: str
    """`none`, or the name of an augmentation."""
    adversarial: dict[str, Any] | None
    regularisers: list[dict[str, Any]] = []
    training: Training
    learning_rates: tuple[float, float, float]
    """Low and high end of the searched range, and the first rate tried."""
    search: Search

    def teacher(self) -> str | None:
        """Name of the ensemble that it learns from, or None."""
        return next((part["ensemble"] for part in self.regularisers if part["name"] == "distil"), None)

    def chosen(self, values: Mapping[str, float]) -> Cell:
        """The cell with those of its settings that were searched as a trial, or best.json, has them."""
        found = {name: values[name] for name in self.search.further()}
        return self.model_copy(update={"training": self.training.model_copy(update=found)})

    @classmethod
    def read(cls, path: Path) -> Cell:
        return cls.model_validate(files.read_json(path))
