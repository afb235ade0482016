"""Embeddings of texts: the mean of the body's last hidden states, in float32, before and after tuning alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from tuneproof.challenge.predictor import Predictor, Text
    from tuneproof.tasks.base import Task
    from tuneproof.train.batches import Tokens


def of_texts(predictor: Predictor, model: PreTrainedModel, texts: list[Text]) -> np.ndarray:
    """Embeddings (texts × width) by a model, of texts as the predictor's task tokenizes them."""
    task, tokenizer = predictor.task, predictor.tokenizer
    return pooled(model, tokens_of(task, tokenizer, predictor.rows(texts), max_length=predictor.max_length))


def tokens_of(task: Task, tokenizer: PreTrainedTokenizerBase, rows: Any, *, max_length: int) -> Tokens:
    """Rows (a frame with `id` and texts, without labels) as sub-tokens."""
    from tuneproof.train.batches import Tokens

    return Tokens(list(rows["id"]), task.encode(tokenizer, rows, [], max_length=max_length))


def pretrained(predictor: Predictor, folder: Path) -> PreTrainedModel:
    """The model in `folder` as it was before tuning, where the predictor's lies."""
    import torch

    from tuneproof.train import first_token
    from tuneproof.train.model import load_base

    model = load_base(folder, predictor.task, predictor.labels, seed=0)
    first_token.install(model)
    torch.nn.Module.to(model, predictor.model.device)
    return model.eval()


def pooled(model: PreTrainedModel, tokens: Tokens) -> np.ndarray:
    """Mean of the last hidden states over all that the body reads but padding: rows × width, float64.

    A prefix and virtual tokens are left out of the mean; what a pattern puts around a text (cloze) is part of it.
    """
    import numpy as np
    import torch

    from tuneproof.train import first_token
    from tuneproof.train.batches import by_length
    from tuneproof.train.features import BATCH_SIZE

    seen: list[torch.Tensor] = []

    def keep(_: nn.Module, args: tuple[Any, ...], given: dict[str, Any], outputs: Any) -> None:
        hidden = outputs.last_hidden_state.float()
        mask = given.get("attention_mask", args[1] if len(args) > 1 else None)
        mask = torch.ones_like(hidden[..., 0]) if mask is None else mask[:, -hidden.shape[1] :].float()
        seen.append((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1))

    found: dict[int, np.ndarray] = {}
    model.eval()
    hook = body(model).register_forward_hook(keep, with_kwargs=True)
    first_token.show_all(model, wanted=True)
    try:
        with torch.inference_mode():
            for rows in by_length(tokens.lengths, BATCH_SIZE):
                model(**tokens.collate(rows, model.config.pad_token_id or 0, model.device))
                found.update(zip(map(int, rows), seen.pop().double().cpu().numpy(), strict=True))
    finally:
        first_token.show_all(model, wanted=False)
        hook.remove()
    return np.stack([found[row] for row in range(len(tokens))])


def body(model: Any) -> nn.Module:
    """The encoder inside of a model, whatever a tuning has wrapped around it."""
    inner: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    while (deeper := getattr(inner, "base_model", inner)) is not inner:
        inner = deeper
    return inner


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Each row at length 1, so that a product of two is their cosine; a row of zeros stays."""
    import numpy as np

    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(length > 0, length, 1.0)
