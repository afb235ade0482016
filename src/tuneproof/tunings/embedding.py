"""Embeddings of a body with a head of our own on top. Imports torch: import it inside functions.

A text's embedding is the mean of its sub-tokens' last hidden states (Reimers and Gurevych 2019, arXiv 1908.10084); for
ner each sub-token has one of its own. All have length 1, so that a product of two is their cosine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from transformers.utils.generic import ModelOutput

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.tunings.base import Material


@dataclass
class Embedded(ModelOutput):
    """Outputs of an `Embedder`; ner has a sub-token dimension behind the rows."""

    logits: torch.Tensor | None = None
    """Rows (× sub-tokens) × outputs."""
    embeddings: torch.Tensor | None = None
    """Rows (× sub-tokens) × width, each of length 1."""
    hidden_states: tuple[torch.Tensor, ...] | None = None
    """Rows × sub-tokens × width of each layer, where they were asked for."""


class Embedder(nn.Module):
    """Body → embedding → head, with what the loop asks of a model. The body's pooler, where it has one, stands idle."""

    base_model_prefix = "body"

    def __init__(self, model: PreTrainedModel, head: nn.Module, *, of_tokens: bool) -> None:
        """Take over the body of `model`; `head` maps embeddings to logits and may hold buffers alone."""
        super().__init__()
        self.config = model.config
        self.body: Any = model.base_model
        self.head = head
        self.of_tokens = of_tokens

    @property
    def base_model(self) -> nn.Module:
        return self.body

    @property
    def device(self) -> torch.device:
        return next(self.head.buffers()).device

    def get_input_embeddings(self) -> nn.Module:
        found: nn.Module = self.body.get_input_embeddings()
        return found

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.body.set_input_embeddings(value)

    def forward(
        self, attention_mask: torch.Tensor | None = None, output_hidden_states: bool = False, **inputs: Any
    ) -> Embedded:
        """`inputs`: `input_ids` or `inputs_embeds`, and `token_type_ids` where the body takes them."""
        if output_hidden_states:
            inputs["output_hidden_states"] = True
        embeddings, outputs = self.embed(attention_mask, **inputs)
        hidden_states = getattr(outputs, "hidden_states", None)
        return Embedded(logits=self.head(embeddings), embeddings=embeddings, hidden_states=hidden_states)

    def embed(self, attention_mask: torch.Tensor | None = None, **inputs: Any) -> tuple[torch.Tensor, Any]:
        """Embeddings, padding left out of the mean, and the body's own outputs."""
        outputs = self.body(attention_mask=attention_mask, **inputs)
        hidden = outputs.last_hidden_state.float()
        if not self.of_tokens:
            mask = torch.ones_like(hidden[..., :1]) if attention_mask is None else attention_mask[..., None].float()
            hidden = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
        return nn.functional.normalize(hidden, dim=-1), outputs


def wrap(
    model: PreTrainedModel, task: Task, make_head: Callable[[int, int], nn.Module], *, learns: bool
) -> PreTrainedModel:
    """An `Embedder` around the model's body, with `make_head(outputs, width)` on top.

    `learns`: the body's parameters learn, but for the idle pooler's.
    """
    head = make_head(int(model.config.num_labels or 0), int(model.config.hidden_size)).to(model.device)
    embedder = Embedder(model, head, of_tokens=task.name == "ner")
    embedder.requires_grad_(learns)
    if (pooler := getattr(embedder.body, "pooler", None)) is not None:
        pooler.requires_grad_(False)
    return cast("PreTrainedModel", embedder)


def of_training_rows(model: PreTrainedModel, material: Material) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (n × width) and answers (n) of the training rows in order; ner: of all sub-tokens with a label.

    Outputs of a frozen body that the fit has stored are used, where it has.
    """
    embedder = cast(Embedder, model)
    parts: list[Any] = [None] * len(material.train)
    with torch.no_grad():
        for rows, batch in _batches(embedder, material):
            labels = batch.pop("labels")
            embeddings, _ = embedder.embed(**batch)
            for i, row in enumerate(rows):
                if embedder.of_tokens:
                    counted = labels[i] >= 0
                    parts[row] = embeddings[i][counted], labels[i][counted]
                else:
                    parts[row] = embeddings[i : i + 1], labels[i : i + 1]
    return torch.cat([part for part, _ in parts]), torch.cat([answers for _, answers in parts])


def of_texts(model: PreTrainedModel, material: Material, texts: list[str]) -> torch.Tensor:
    """Embeddings (texts × width) of a few texts, each as the model's tokenizer reads it."""
    from tuneproof.tokenize import load_tokenizer
    from tuneproof.train.device import autocast

    embedder = cast(Embedder, model)
    encoded = load_tokenizer(material.model_folder)(texts, padding=True, truncation=True, return_tensors="pt")
    known = {key: encoded[key].to(embedder.device) for key in ("input_ids", "attention_mask", "token_type_ids")
             if key in encoded}  # fmt: skip
    embedder.eval()
    with torch.no_grad(), autocast(material.precision, embedder.device):
        return embedder.embed(**known)[0]


def _batches(embedder: Embedder, material: Material) -> Iterator[tuple[np.ndarray, dict[str, torch.Tensor]]]:
    """Row numbers and collated rows, from short to long, in evaluation mode and in the fit's precision."""
    from tuneproof.train.batches import by_length
    from tuneproof.train.device import autocast
    from tuneproof.train.features import BATCH_SIZE, replace_body

    body = embedder.body
    embedder.eval()
    with autocast(material.precision, embedder.device):
        for rows in by_length(material.train.lengths, BATCH_SIZE):
            if material.features is not None:
                replace_body(cast("PreTrainedModel", embedder), material.features.select(rows))
            yield rows, material.train.collate(rows, embedder.config.pad_token_id or 0, embedder.device)
    embedder.body = body
