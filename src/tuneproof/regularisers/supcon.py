"""Supervised contrastive learning beside cross-entropy: texts of one class are drawn together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tuneproof.regularisers.base import Regulariser

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.train.step import Inputs, Step


class SupCon(Regulariser):
    """(1 − λ) · cross-entropy + λ · the contrastive loss of the batch's last hidden states.

    The paper takes [CLS], which `pool: cls` does; `mean` is over all tokens but padding. The contrastive loss is a
    mean over rows, as in Khosla et al. 2020 (arXiv 2004.11362), where the paper's equation 3 has a sum. A row without
    another of its class in the batch adds nothing to it.

    Full tuning of MiniLM at 1e-4, 320 reviews, 3 epochs, one seed: validation accuracy .775 and loss .491 (without:
    .785 and .485).
    """

    idea = "Texts of one class are drawn together in feature space, others pushed apart."
    paper = "Gunel et al. 2021, arXiv 2011.01403"
    tasks = ("classification",)
    hidden_states = True
    task_loss = True
    excludes = ("mixup",)

    weight: float = Field(0.1, gt=0, lt=1, description="The paper's λ: share of the contrastive loss.")
    temperature: float = Field(0.3, gt=0, description="The paper's τ: smaller weighs near texts more.")
    pool: Literal["cls", "mean"] = Field("cls", description="What stands for a text: its first token, or the mean.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        from tuneproof.regularisers.body import learns

        return None if learns(model) else "supcon moves features, and here the body that makes them is frozen"

    def loss(self, step: Step, inputs: Inputs, outputs: Any, loss: torch.Tensor) -> torch.Tensor:
        hidden = outputs.hidden_states[-1].float()
        if self.pool == "cls":
            features = hidden[:, 0]
        else:
            mask = inputs["attention_mask"][..., None]
            features = (hidden * mask).sum(1) / mask.sum(1)
        term = contrastive(features, step.labels, self.temperature)
        return (1 - self.weight) * loss + self.weight * term


def contrastive(features: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over rows i of −1/|P| Σ_P log (exp(fᵢ·f_p / τ) / Σ_{k≠i} exp(fᵢ·f_k / τ)), P: the other rows of i's class.

    `features` are rows × width and are scaled to unit length here.
    """
    import torch
    from torch.nn.functional import normalize

    features = normalize(features, dim=-1)
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    similarity = (features @ features.T / temperature).masked_fill(itself, -torch.inf)
    log_share = (similarity - similarity.logsumexp(-1, keepdim=True)).masked_fill(itself, 0.0)
    friends = (labels[:, None] == labels[None, :]) & ~itself
    if not friends.any():
        return features.sum() * 0.0
    return -((log_share * friends).sum(-1) / friends.sum(-1).clamp(min=1)).mean()
