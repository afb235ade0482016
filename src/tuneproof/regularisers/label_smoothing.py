"""Label smoothing: a little of each label's probability is spread over all classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.regularisers.base import Regulariser

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step


class LabelSmoothing(Regulariser):
    """Cross-entropy against (1 − ε) · one-hot + ε / K (paper, section 7); sub-tokens without a label count for none.

    Full tuning of MiniLM, 3 epochs, one seed, validation rows: accuracy and loss on 320 reviews at 1e-4 .765 and .487
    (without: .785 and .485), entity F1 and loss on 320 tweets at 3e-4 .127 and .300 (without: .123 and .262).
    """

    idea = "Targets are a little less than certain."
    paper = "Szegedy et al. 2016, arXiv 1512.00567"
    tasks = ("classification", "ner")
    task_loss = True

    epsilon: float = Field(0.1, gt=0, lt=1, description="Share of the probability that is spread over all classes.")

    def criterion(self, step: Step, logits: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        flat = logits.float().flatten(0, -2)
        return cross_entropy(flat, step.labels.flatten(), ignore_index=-100, label_smoothing=self.epsilon)
