"""SWA: the weights that are judged and kept are the plain mean over the last part of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.regularisers.averages import Averaging

if TYPE_CHECKING:
    import torch


class SWA(Averaging):
    """The mean of the weights after each step behind a share of the planned steps; before, nothing is averaged.

    The paper averages once an epoch and holds the learning rate up meanwhile; here every step counts, as a fit on few
    texts has few epochs, and the rate goes on as `training.schedule` says.
    """

    idea = "The mean of the weights over the last steps is judged and kept."
    paper = "Izmailov et al. 2018, arXiv 1803.05407"

    start: float = Field(0.75, ge=0, lt=1, description="Share of the steps that are left out of the mean.")

    def share(self, step: int) -> float | None:
        return None if step <= self.start * self._total else 1 / (self._count + 1)

    def averaged(self) -> dict[str, torch.Tensor]:
        return dict(self._means) if self._count else {}
