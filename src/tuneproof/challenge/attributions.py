"""What each word adds to an answer: integrated gradients, and what is lost where a word is left out.

Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) are taken over word embeddings, from a text whose
sub-tokens are all padding (special tokens stay) to the text itself. They are complete: the values of all words add up
to the difference of the output between the two; what numerical integration leaves is stored beside them. Leaving one
out (Li et al. 2016, arXiv 1612.08220) takes one word away at a time; for ner, the unknown token takes its place.

The output is the logarithm of the odds of the model's answer (classification), the number (regression), or the mean
log-odds of the answered tags over the words that are answered to be in an entity, or all words where none is (ner).
Log-odds rather than probabilities, which hardly move where a model is certain. All in float32; no label is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from tuneproof.cell import Part
from tuneproof.challenge import words
from tuneproof.challenge.words import Word, Worded

if TYPE_CHECKING:
    import numpy as np
    import torch

    from tuneproof.challenge.predictor import Answers, Predictor, Text

INTEGRATED_GRADIENTS, LEAVE_ONE_OUT = "integrated_gradients", "leave_one_out"


class Explain(Part):
    """Which rows are explained, and how exactly."""

    rows: int = Field(3, ge=1, le=1000, description="Test rows: half of them the first ones, half the least certain.")
    steps: int = Field(20, ge=2, le=1000, description="Points of the integral of gradients.")
    neighbours: int = Field(0, ge=0, le=100, description="Nearest training rows of each of them; 0: none.")
    training_rows: int = Field(200, ge=1, description="Training rows among which neighbours are looked for, at most.")


class Attributed(NamedTuple):
    """The words of one text and what each adds."""

    words: list[Word]
    output: float
    """The output that is explained, for the whole text; NaN where the model reads no word."""
    values: dict[str, list[float]]
    """Method → a value a word."""
    remainder: float | None
    """What is missing for completeness; None without integrated gradients."""


Output = Callable[["torch.Tensor"], "torch.Tensor"]
"""Logits (n × outputs, ner: n × sub-tokens × tags) → the output that is explained (n)."""


def chosen(answers: Answers, rows: int) -> list[int]:
    """Places of the rows to explain: the first ones, and as many of the others that the model is least certain of.

    Certainty is the probability of the answer (ner: of the least certain tag); numbers have none, so that the first
    rows are taken.
    """
    import numpy as np

    total = len(answers.prediction)
    if answers.probabilities is None:
        return list(range(min(rows, total)))
    first = min((rows + 1) // 2, total)
    certain = [float(np.asarray(one).max(axis=-1).min()) for one in answers.probabilities]
    others = sorted(range(first, total), key=lambda place: certain[place])
    return sorted([*range(first), *others[: rows - first]])


def run(predictor: Predictor, text: Text, *, steps: int, gradients: bool = True) -> Attributed:
    """Explain the answer to one text; `gradients`: by integrated gradients too."""
    read = words.read(predictor, text)
    if not read.words:
        return Attributed([], math.nan, {}, None)
    output = _output(predictor, read)
    unknown = predictor.tokenizer.unk_token_id if predictor.task.name == "ner" else None
    without = [read.without(place, unknown) for place in range(len(read.words))]
    whole, *rest = _outputs(predictor, [read.columns, *without], output)
    values = {LEAVE_ONE_OUT: [whole - one for one in rest]}
    if not gradients:
        return Attributed(read.words, whole, values, None)
    by_token, difference = integrated_gradients(predictor, read, output, steps=steps)
    summed = [0.0] * len(read.words)
    for value, word in zip(by_token, read.owner, strict=True):
        if word is not None:
            summed[word] += float(value)
    values = {INTEGRATED_GRADIENTS: summed, **values}
    return Attributed(read.words, whole, values, difference - float(sum(summed)))


def integrated_gradients(predictor: Predictor, read: Worded, output: Output, *, steps: int) -> tuple[np.ndarray, float]:
    """A value a sub-token, 0 for special ones, and the difference of the output between text and baseline.

    The integral over the straight line is by Gauss-Legendre quadrature, as in captum.
    """
    import numpy as np
    import torch

    model = predictor.model
    batch = words.tokens([read.columns]).collate([0], _pad(predictor), model.device)
    special = torch.tensor([word is None for word in read.owner], device=model.device)
    places, weights = np.polynomial.legendre.leggauss(steps)
    at = torch.tensor([0.0, 1.0, *(places + 1) / 2], dtype=torch.float32, device=model.device)
    embed: Any = model.get_input_embeddings()
    ids = batch.pop("input_ids")
    with torch.no_grad():
        text = embed(ids).float()
        empty = embed(torch.where(special, ids, _pad(predictor))).float()
    moved = (empty + at[:, None, None] * (text - empty)).requires_grad_()
    others = {name: tensor.expand(len(at), *tensor.shape[1:]) for name, tensor in batch.items()}
    with torch.enable_grad():
        outputs = output(model(inputs_embeds=moved, **others).logits.float())
        (gradient,) = torch.autograd.grad(outputs[2:].sum(), moved)
    mean = torch.einsum("s,stw->tw", torch.tensor(weights / 2, dtype=torch.float32, device=at.device), gradient[2:])
    values = (mean * (text - empty)[0]).sum(-1).masked_fill(special, 0.0)
    return values.double().cpu().numpy(), float((outputs[1] - outputs[0]).detach())


def _output(predictor: Predictor, read: Worded) -> Output:
    """What is explained of the model's answer to a text."""
    import torch

    task = predictor.task.name
    if task == "regression":
        return lambda logits: logits[:, 0]
    with torch.inference_mode():
        logits = _logits(predictor, [read.columns])[0]
    answer = logits.argmax(-1)
    if task == "classification":
        return lambda logits: _log_odds(logits)[:, answer]
    starts = torch.tensor([start for start in read.columns["word_starts"] if start >= 0], device=logits.device)
    entities = starts[answer[starts] != 0]  # the first label is `O`
    counted = entities if len(entities) else starts
    tags = answer[counted]
    return lambda logits: _log_odds(logits)[:, counted, tags].mean(-1)


def _log_odds(logits: torch.Tensor) -> torch.Tensor:
    """log p / (1 − p) of each output, for at least two."""
    import torch

    itself = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
    return logits - logits[..., None, :].masked_fill(itself, -torch.inf).logsumexp(-1)


def _outputs(predictor: Predictor, columns: list[dict[str, Any]], output: Output) -> list[float]:
    import torch

    with torch.inference_mode():
        return [float(output(one[None])) for one in _logits(predictor, columns)]


def _logits(predictor: Predictor, columns: list[dict[str, Any]]) -> list[torch.Tensor]:
    """Logits of each row; ner: of its own sub-tokens, without padding."""
    from tuneproof.train.batches import by_length
    from tuneproof.train.features import BATCH_SIZE

    split, model = words.tokens(columns), predictor.model.eval()
    found: dict[int, torch.Tensor] = {}
    for rows in by_length(split.lengths, BATCH_SIZE):
        logits = model(**split.collate(rows, _pad(predictor), model.device)).logits.float()
        for row, one in zip(map(int, rows), logits, strict=True):
            found[row] = one[: split.lengths[row]] if one.ndim > 1 else one
    return [found[row] for row in range(len(split))]


def _pad(predictor: Predictor) -> int:
    return int(predictor.model.config.pad_token_id or 0)
