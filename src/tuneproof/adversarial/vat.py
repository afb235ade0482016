"""VAT: predictions must not change in the direction in which they change most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.adversarial.base import Adversarial

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step


class VAT(Adversarial):
    """L(v) + α KL(p(v) ‖ p(v + r)), r = ε d, where ‖d‖₂ = 1 and d is found by power iteration; p(v) is held fixed.

    From noise, K times: d ← g / ‖g‖₂ with g = ∂KL(p(v) ‖ p(v + ξ d))/∂d, over all tokens of a text. No label is needed
    for that. Regression: KL of normal distributions with unit variance, half the squared difference.

    Full tuning of MiniLM, 3 epochs, one seed, validation rows: accuracy and loss on 320 reviews at 1e-4 .780 and .495,
    with ε = 0.5 .800 and .526 (without: .785 and .485), entity F1 and loss on 320 tweets at 3e-4 .100 and .246, with
    ε = 0.5 .000 and .267 (without: .123 and .262). With ξ = 0.1 bf16 finds the direction that fp32 finds (mean cosine
    .99 or more on 16 reviews).
    """

    idea = "The answer must not change where a small change of the word embeddings changes it most."
    paper = "Miyato et al. 2018, arXiv 1704.03976"
    task_loss = True

    epsilon: float = Field(0.1, gt=0, description="Length of the perturbation of one text.")
    weight: float = Field(1.0, gt=0, description="The paper's α: weight of the divergence.")
    iterations: int = Field(1, ge=1, description="Power iterations, the paper's K.")
    probe: float = Field(0.1, gt=0, description="The paper's ξ: how far the search for the direction looks.")

    def backward(self, step: Step, scale: float) -> torch.Tensor:
        """One backward pass of the loss and the divergence; returns the clean loss, detached."""
        import torch

        from tuneproof.adversarial.embeddings import Embeddings, unit
        from tuneproof.train.divergence import divergence

        rows = Embeddings(step)
        d = unit(rows.normal())
        with rows.equal_dropout():
            inputs = rows.clean()
            outputs = step.outputs(inputs)
            loss, fixed = step.loss(inputs, outputs), outputs.logits.detach()
            for _ in range(self.iterations):
                r = (self.probe * d).requires_grad_()
                change = divergence(step, fixed, step.outputs(rows.at(r)).logits)
                d = unit(rows.gradient(change * scale, r))
            change = divergence(step, fixed, step.outputs(rows.at(self.epsilon * d)).logits)
            torch.autograd.backward((loss + self.weight * change) * scale)
        return loss.detach()
