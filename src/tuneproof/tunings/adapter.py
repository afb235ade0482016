"""Bottleneck adapters: small layers inside the frozen transformer layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tuneproof.errors import MethodError
from tuneproof.tunings import structure
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

_ROLES = {
    "houlsby": ("attention_output", "feed_forward_output"),
    "pfeiffer": ("feed_forward_output",),
    "parallel": ("feed_forward_input", "feed_forward_output"),
}


class Adapter(Tuning):
    """A bottleneck after the output projections of attention and feed-forward, before dropout, skip and layer norm.

    As in Houlsby et al. the layer norms learn too, but those of the transformer layers alone: the embeddings' norm
    stays frozen, so that the backward pass ends at the lowest adapter. `pfeiffer` has one bottleneck a layer, after
    the feed-forward part (Pfeiffer et al. 2021, arXiv 2005.00247), and frozen layer norms. `parallel` has one
    beside the feed-forward part, from its input to its output, times `scaling`, and frozen layer norms (He et al. 2022,
    arXiv 2110.04366, whose scaling is 4).
    """

    idea = "Small bottleneck layers inside each transformer layer learn."
    paper = "Houlsby et al. 2019, arXiv 1902.00751"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .68/.28, 3e-3 .76/.38, 1e-2 .54/.43.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)

    size: int = Field(48, ge=1, description="Width of the bottleneck.")
    placement: Literal["houlsby", "pfeiffer", "parallel"] = Field(
        "houlsby", description="Two bottlenecks a layer, one, or one beside the feed-forward part."
    )
    scaling: float = Field(4.0, gt=0, description="Factor on a parallel bottleneck's output; the others have none.")

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if structure.linears(model, *_ROLES[self.placement]):
            return None
        where = " and ".join(role.replace("_", " ") for role in _ROLES[self.placement])
        return f"no layers found by name for {where} in {type(model).__name__} ({model.config.model_type})"

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        from tuneproof.tunings.bottleneck import Bottleneck, Parallel, Tap

        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        structure.freeze_body(model)
        if self.placement == "houlsby":
            for norm in structure.layer_norms(model).values():
                norm.requires_grad_(True)
        if self.placement == "parallel":
            inputs = structure.linears(model, "feed_forward_input")
            outputs = structure.linears(model, "feed_forward_output")
            for (before, first), (after, last) in zip(inputs.items(), outputs.items(), strict=True):
                tap = Tap(first)
                _replace(model, before, tap)
                _replace(model, after, Parallel(last, tap, self.size, self.scaling))
            return model
        for name, linear in structure.linears(model, *_ROLES[self.placement]).items():
            _replace(model, name, Bottleneck(linear, self.size))
        return model


def _replace(model: PreTrainedModel, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
