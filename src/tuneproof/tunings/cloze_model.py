"""A masked-language model that answers with a word in a pattern. Imports torch: import it inside functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.utils.generic import ModelOutput

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class Answered(ModelOutput):
    """Logits (rows × outputs), and hidden states where they were asked for."""

    logits: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None


class _Given(nn.Module):
    """Stands in for the body, so that the model's own masked-language head reads chosen positions alone."""

    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, *_: Any, **__: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=self.hidden)


class Cloze(nn.Module):
    """Rows become `[CLS] before · text · soft prompt · after [SEP]`; logits are the words' scores at the mask.

    It is put together from word embeddings, so that embeddings that were moved take the same way as sub-tokens. Rows
    are padded on the right; a text too long for the model beside the pattern loses its end.
    """

    base_model_prefix = "language_model"
    before: torch.Tensor
    after: torch.Tensor
    words: torch.Tensor
    temperature: torch.Tensor

    def __init__(
        self, model: PreTrainedModel, before: list[int], after: list[int], mask_id: int, words: list[int], soft: int
    ) -> None:
        """`before` and `after` are sub-tokens with one mask among them; `words`: a sub-token for each output."""
        super().__init__()
        self.config = model.config
        self.language_model: Any = model
        for name, ids in (("before", before), ("after", after), ("words", words)):
            self.register_buffer(name, torch.tensor(ids, dtype=torch.long), persistent=False)
        self.register_buffer("temperature", torch.ones(()))
        # place of the mask: from the start, or from the first sub-token behind the text
        self.mask = before.index(mask_id) if mask_id in before else after.index(mask_id)
        self.mask_follows = mask_id in after
        self.soft = nn.Parameter(torch.randn(soft, self.config.hidden_size) * 0.02) if soft else None
        self.to(model.device)

    @property
    def base_model(self) -> nn.Module:
        return self.language_model

    @property
    def device(self) -> torch.device:
        return self.words.device

    def get_input_embeddings(self) -> nn.Module:
        found: nn.Module = self.language_model.get_input_embeddings()
        return found

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> Answered:
        """Rows × sub-tokens as the tokenizer gives them, with a special token at either end."""
        embed = self.get_input_embeddings()
        rows = embed(input_ids) if inputs_embeds is None else inputs_embeds
        lengths = [rows.shape[1]] * len(rows) if attention_mask is None else attention_mask.sum(1).tolist()
        before, after = embed(self.before), embed(self.after)
        after = after if self.soft is None else torch.cat([self.soft.to(after.dtype), after])
        room = self.config.max_position_embeddings - len(before) - len(after) - 4  # some families count from 2
        filled, places = [], []
        for row, length in zip(rows, lengths, strict=True):
            text = row[1 : min(length - 1, room + 1)]
            filled.append(torch.cat([row[:1], before, text, after, row[length - 1 : length]]))
            soft = 0 if self.soft is None else len(self.soft)
            places.append(1 + self.mask + (len(before) + len(text) + soft if self.mask_follows else 0))
        seen = nn.utils.rnn.pad_sequence([torch.ones(len(one), device=rows.device) for one in filled], batch_first=True)
        body = self.language_model.base_model
        outputs = body(
            inputs_embeds=nn.utils.rnn.pad_sequence(filled, batch_first=True),
            attention_mask=seen.long(),
            output_hidden_states=output_hidden_states,
        )
        at = outputs.last_hidden_state[torch.arange(len(rows)), places]
        logits = self._scores(at)[:, self.words] / self.temperature
        return Answered(logits=logits, hidden_states=outputs.hidden_states if output_hidden_states else None)

    def _scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """The masked-language head's scores (rows × vocabulary) at one position a row (rows × width)."""
        model, prefix = self.language_model, self.language_model.base_model_prefix
        body = model._modules[prefix]
        model._modules[prefix] = _Given(hidden[:, None])
        try:
            scores: torch.Tensor = model(input_ids=self.words[:1].expand(len(hidden), 1)).logits[:, 0]
        finally:
            model._modules[prefix] = body
        return scores
