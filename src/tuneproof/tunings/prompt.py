"""Prompt tuning: embeddings of virtual tokens inside the text learn."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, cast

from pydantic import Field

from tuneproof.errors import MethodError
from tuneproof.tunings import room, structure
from tuneproof.tunings.base import LearningRates, Material, Tuning

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task
    from tuneproof.tunings.virtual import Prompt

_COMMON = 5000
"""Lester et al. draw words from this many of the most common sub-tokens."""


class VirtualTokens(Tuning):
    """Base of the tunings that put virtual tokens into the text; a subclass says what they are made of.

    They stand behind [CLS], as poolers and heads look for it at the first position, take the positions from 1 on and
    move the rest of the text by `tokens`; what the head sees is as long as the text.
    """

    tokens: int = Field(20, ge=1, description="Virtual tokens in each text.")

    @abstractmethod
    def prompt(self, words: torch.nn.Embedding, longest: int | None) -> Prompt:
        """The module that gives the virtual tokens' embeddings; `words` are the model's own."""

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        return room.misfit(model, self.tokens)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        from tuneproof.tunings import virtual

        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        structure.freeze_body(model)
        words = cast("torch.nn.Embedding", model.get_input_embeddings())
        virtual.install(model.base_model, self.prompt(words, room.longest(model, self.tokens)).to(words.weight))
        return model

    def decays(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """Not the virtual tokens: a token of zeros is not one that is left out."""
        return super().decays(name, parameter) and not name.endswith(".prompt.embeddings")


class PromptTuning(VirtualTokens):
    """The virtual tokens' embeddings learn directly.

    They start from words drawn from the training texts' 5,000 most common sub-tokens, or the first of them from the
    names of the labels (the mean over a name's sub-tokens), or at random with the spread of the model's own.
    """

    idea = "Embeddings of virtual tokens in the text learn."
    paper = "Lester, Al-Rfou and Constant 2021, arXiv 2104.08691"
    # The paper's is 0.3, for Adafactor and T5. MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-3 .51/.00,
    # 1e-2 .51/.16, 3e-2 .61/.18, 1e-1 .67/.23.
    learning_rates = LearningRates(3e-3, 3e-1, first=1e-1)

    init: Literal["words", "labels", "random"] = Field("words", description="What the virtual tokens start from.")

    def prompt(self, words: torch.nn.Embedding, longest: int | None) -> Prompt:
        import torch

        from tuneproof.tunings.virtual import Prompt

        made = Prompt(self.tokens, words.embedding_dim, longest)
        torch.nn.init.normal_(made.embeddings, std=words.weight.std().item())
        return made

    def begin(self, model: PreTrainedModel, task: Task, material: Material) -> None:
        import torch

        from tuneproof.tokenize import load_tokenizer

        if self.init == "random":
            return
        tokenizer = load_tokenizer(material.model_folder)
        names = material.labels[: self.tokens] if self.init == "labels" else []
        starts = [torch.tensor(tokenizer(name, add_special_tokens=False)["input_ids"]) for name in names]
        common = _common(material, tokenizer.all_special_ids)
        starts += list(common[torch.randperm(len(common))][: self.tokens - len(names), None])
        table = cast(torch.nn.Embedding, model.get_input_embeddings()).weight
        prompt = cast(torch.Tensor, model.base_model.get_submodule("prompt").embeddings)
        with torch.no_grad():
            for embedding, ids in zip(prompt, starts, strict=False):  # a tiny vocabulary leaves some at random
                embedding.copy_(table[ids.to(table.device)].mean(dim=0))


def _common(material: Material, special_ids: list[int]) -> torch.Tensor:
    """The most common sub-tokens of the training texts without special ones, the commonest first."""
    import numpy as np
    import torch

    ids, counts = np.unique(np.concatenate(material.train.columns["input_ids"]), return_counts=True)
    ordered = ids[np.argsort(-counts, kind="stable")]
    return torch.from_numpy(ordered[~np.isin(ordered, special_ids)][:_COMMON].astype(np.int64))
