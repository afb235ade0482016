"""P-tuning: virtual tokens inside the text, made by a small network that learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tuneproof.tunings.base import LearningRates
from tuneproof.tunings.prompt import VirtualTokens

if TYPE_CHECKING:
    import torch

    from tuneproof.tunings.virtual import Prompt


class PTuning(VirtualTokens):
    """Embeddings of virtual tokens go through an MLP, or an LSTM and an MLP, and all of it learns with the head.

    The paper writes the virtual tokens around and between the parts of a cloze question; there is none here, so that
    they stand together, as in `prompt`.
    """

    idea = "Embeddings of virtual tokens, and a network that they go through, learn."
    paper = "Liu et al. 2021, arXiv 2103.10385"
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .57/.00, 1e-2 .56/.20.
    learning_rates = LearningRates(3e-4, 3e-2, first=3e-3)

    encoder: Literal["mlp", "lstm"] = Field("mlp", description="The network between the embeddings and the model.")
    hidden: int | None = Field(None, ge=1, description="Width inside it; null: the width of the word embeddings.")

    def prompt(self, words: torch.nn.Embedding, longest: int | None) -> Prompt:
        from tuneproof.tunings.virtual import Encoded

        width = words.embedding_dim
        return Encoded(self.tokens, width, longest, self.encoder, self.hidden or width)
