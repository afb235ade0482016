"""Virtual tokens inside a text: their module, and how a body takes them. Imports torch: import it inside functions.

The body sees [CLS] v₁ … vₖ and the rest of the text, so that poolers and heads find [CLS] where they look for it; its
outputs have the text's length again, so that nothing outside of the body knows of the virtual tokens.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import nn

from tuneproof.tunings import room

NAME = "prompt"
"""Name of the virtual tokens' module as a child of the body."""


class Prompt(nn.Module):
    """Embeddings of virtual tokens, tokens × width, learned directly. `longest`: sub-tokens that fit beside them."""

    def __init__(self, tokens: int, width: int, longest: int | None) -> None:
        super().__init__()
        self.longest = longest
        self.embeddings = nn.Parameter(torch.empty(tokens, width))

    def forward(self) -> torch.Tensor:
        return self.embeddings


class Encoded(Prompt):
    """The same through a network: an MLP of three layers, or two layers of a bidirectional LSTM and an MLP of two."""

    def __init__(self, tokens: int, width: int, longest: int | None, encoder: str, hidden: int) -> None:
        super().__init__(tokens, width, longest)
        nn.init.normal_(self.embeddings)
        self.lstm = nn.LSTM(width, hidden, num_layers=2, bidirectional=True) if encoder == "lstm" else None
        first = 2 * hidden if encoder == "lstm" else width
        middle = [] if encoder == "lstm" else [nn.Linear(hidden, hidden), nn.ReLU()]
        self.mlp = nn.Sequential(nn.Linear(first, hidden), nn.ReLU(), *middle, nn.Linear(hidden, width))

    def forward(self) -> torch.Tensor:
        states = self.embeddings if self.lstm is None else self.lstm(self.embeddings)[0]
        return cast(torch.Tensor, self.mlp(states))


class Once(nn.Module):
    """Runs a module on the first of rows that are all equal, in full precision, and repeats its answer.

    Any number of rows then gives the same bits, with and without autocast.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        with torch.autocast(rows.device.type, enabled=False):
            answer: torch.Tensor = self.inner(rows[:1])
        return answer.expand(len(rows), *answer.shape[1:])


def install(body: nn.Module, prompt: Prompt) -> None:
    """Let a body read the virtual tokens from now on, and learn them with it."""
    body.add_module(NAME, prompt)
    body.register_forward_pre_hook(_lengthen, with_kwargs=True)
    body.register_forward_hook(_shorten)


def _lengthen(body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[()], dict[str, Any]]:
    """The body's arguments with the virtual tokens behind the first token, as word embeddings."""
    prompt: Prompt = body.get_submodule(NAME)
    given = {**dict(zip(inspect.signature(body.forward).parameters, args, strict=False)), **kwargs}
    ids = given.pop("input_ids", None)
    words = body.get_input_embeddings()(ids) if given.get("inputs_embeds") is None else given["inputs_embeds"]
    rows, length = words.shape[:2]
    room.check(length, len(prompt.embeddings), prompt.longest)
    virtual = prompt().to(words.dtype)
    given["inputs_embeds"] = _behind_first(words, virtual.expand(rows, *virtual.shape))
    for name, value in (("attention_mask", 1), ("token_type_ids", 0)):
        if given.get(name) is not None:
            given[name] = _behind_first(given[name], given[name].new_full((rows, len(virtual)), value))
    return (), given


def _shorten(body: Any, args: tuple[Any, ...], outputs: Any) -> Any:
    """The body's outputs without the states of the virtual tokens."""
    tokens = len(body.get_submodule(NAME).embeddings)

    def cut(states: torch.Tensor) -> torch.Tensor:
        return torch.cat([states[:, :1], states[:, 1 + tokens :]], dim=1)

    outputs["last_hidden_state"] = cut(outputs.last_hidden_state)
    if outputs.get("hidden_states") is not None:
        outputs["hidden_states"] = tuple(cut(states) for states in outputs.hidden_states)
    return outputs


def _behind_first(rows: torch.Tensor, inserted: torch.Tensor) -> torch.Tensor:
    return torch.cat([rows[:, :1], inserted, rows[:, 1:]], dim=1)
