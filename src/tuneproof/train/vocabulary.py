"""A small vocabulary for one fit: only the word embeddings that the data mentions take part in training.

A small data set mentions a tenth of a model's words. The others get no gradient, so that all AdamW (or SGD) ever does
to them is weight decay, which is one multiplication at the end. Leaving them out of each step changes no number but
in the last bits, and saves most of the optimizer's work and memory: in MiniLM half of all parameters are word
embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from tuneproof.train.batches import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Vocabulary:
    """The words of some splits. `shrink` swaps the model's word embeddings for theirs, `restore` swaps them back."""

    def __init__(self, model: PreTrainedModel, *splits: Tokens) -> None:
        import numpy as np

        pad_id = model.config.pad_token_id or 0
        mentioned = [ids for split in splits for ids in split.columns["input_ids"]]
        # ids up to the padding's keep their numbers: some models compute positions from the padding id
        self.ids: np.ndarray = np.unique(np.concatenate([np.arange(pad_id + 1), *mentioned]))
        self.pad_id = pad_id
        self.whole = cast(nn.Embedding, model.get_input_embeddings())

    def worthwhile(self) -> bool:
        """Whether the word embeddings learn as a whole, and the data mentions less than half of them."""
        plain = isinstance(self.whole, nn.Embedding)  # a tuning may have put its own layer in their place
        return plain and self.whole.weight.requires_grad and 2 * len(self.ids) < len(self.whole.weight)

    def encode(self, split: Tokens) -> Tokens:
        """The same rows with the small vocabulary's ids."""
        import numpy as np

        ids = [np.searchsorted(self.ids, row) for row in split.columns["input_ids"]]
        return Tokens(split.ids, {**split.columns, "input_ids": ids})

    def encode_ids(self, ids: list[int]) -> list[int]:
        """Those of some ids that are mentioned, in the small vocabulary's numbering."""
        place = {int(old): new for new, old in enumerate(self.ids)}
        return [place[old] for old in ids if old in place]

    def shrink(self, model: PreTrainedModel) -> None:
        padding = None if self.whole.padding_idx is None else self.pad_id
        small = nn.Embedding(len(self.ids), self.whole.embedding_dim, padding_idx=padding)
        with torch.no_grad():
            small.weight.copy_(self.whole.weight[torch.as_tensor(self.ids)])
        model.set_input_embeddings(small)

    def restore(self, model: PreTrainedModel, *, decay: float) -> None:
        """Put the learned rows back among all others, which have shrunk by the factor `decay` meanwhile."""
        with torch.no_grad():
            self.whole.to(model.device)
            self.whole.weight.mul_(decay)
            small = cast(nn.Embedding, model.get_input_embeddings())
            self.whole.weight[torch.as_tensor(self.ids, device=small.weight.device)] = small.weight
        model.set_input_embeddings(self.whole)
