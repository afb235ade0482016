"""PGD: several ascent steps inside a ball around the word embeddings, then a gradient at the worst point found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tuneproof.adversarial.base import Adversarial

if TYPE_CHECKING:
    import torch

    from tuneproof.train.step import Step


class PGD(Adversarial):
    """r ← Π(r + α g / ‖g‖₂), K times, with g = ∂L(v + r)/∂r, from a random point of the ball ‖r‖₂ ≤ ε of each text.

    The gradients of the clean text, times `clean`, and those at the last r are added up. Madry et al. learn from the
    last r alone (`clean: 0`), and perturb pixels. A batch takes K + 2 forward and backward passes.

    Full tuning of MiniLM, 3 epochs, one seed, validation rows: accuracy and loss on 320 reviews at 1e-4 .780 and .513
    (without: .785 and .485), entity F1 and loss on 320 tweets at 3e-4 .128 and .243 (without: .123 and .262).
    """

    idea = "Train on the text and on its word embeddings after several steps uphill."
    paper = "Madry et al. 2018, arXiv 1706.06083"

    epsilon: float = Field(0.1, gt=0, description="Radius of the ball: longest perturbation of one text.")
    step_size: float = Field(0.05, gt=0, description="Length of one ascent step, the paper's α.")
    steps: int = Field(3, ge=1, description="Ascent steps.")
    clean: float = Field(1.0, ge=0, description="Weight of the unperturbed text's loss; 0: the paper's objective.")

    def backward(self, step: Step, scale: float) -> torch.Tensor:
        """Backward passes of the clean and the perturbed rows; returns the clean loss, detached."""
        import torch

        from tuneproof.adversarial.embeddings import Embeddings, project, unit

        rows = Embeddings(step)
        # of a ball in thousands of dimensions, all but a thousandth of the radius is surface
        r = self.epsilon * unit(rows.normal())
        with rows.equal_dropout():
            with torch.set_grad_enabled(self.clean > 0):
                loss = step.loss(rows.clean())
            if self.clean > 0:
                torch.autograd.backward(loss * (scale * self.clean))
            for _ in range(self.steps):
                r.requires_grad_()
                ascent = unit(rows.gradient(step.loss(rows.at(r)) * scale, r))
                r = project(r.detach() + self.step_size * ascent, self.epsilon)
            torch.autograd.backward(step.loss(rows.at(r)) * scale)
        return loss.detach()
