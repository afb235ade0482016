"""Texts as sub-tokens with the words that they belong to, so that a value a sub-token becomes a value a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from tuneproof.challenge.predictor import Predictor, Text
    from tuneproof.train.batches import Tokens


class Word(NamedTuple):
    """A word of a text as the tokenizer splits it (punctuation is a word of its own); ner: as it is given."""

    column: str
    """`text`, `text_pair` or `tokens`."""
    place: int
    """Number of the word in its column, from 0."""
    word: str


class Worded(NamedTuple):
    """One text as the model reads it."""

    columns: dict[str, Any]
    """`input_ids`, and `token_type_ids` and `word_starts` where the task has them."""
    words: list[Word]
    """Those that the model reads: what was cut off is not among them, nor the end of a word that was cut."""
    owner: list[int | None]
    """Each sub-token's place in `words`; None for special tokens."""

    def without(self, place: int, unknown: int | None) -> dict[str, Any]:
        """Columns without the word at a place in `words`.

        Its sub-tokens are left out; with `unknown` (ner, where each word has its tag) that one takes their place.
        """
        if unknown is not None:
            ids = [
                unknown if word == place else one
                for one, word in zip(self.columns["input_ids"], self.owner, strict=True)
            ]
            return {**self.columns, "input_ids": ids}
        kept = [at for at, word in enumerate(self.owner) if word != place]
        return {name: [values[at] for at in kept] for name, values in self.columns.items()}


def read(predictor: Predictor, text: Text) -> Worded:
    """A text with its words, as the predictor's task encodes it."""
    frame = predictor.rows([text])
    encoded = predictor.task.encode(predictor.tokenizer, frame, predictor.labels, max_length=predictor.max_length)
    columns = {name: list(values[0]) for name, values in encoded.items()}
    words, owner = _words(predictor.tokenizer, text, predictor.max_length)
    return Worded(columns, words, owner)


def tokens(columns: Sequence[dict[str, Any]]) -> Tokens:
    """Several texts as rows of one split, with their number as id."""
    from tuneproof.train.batches import Tokens

    return Tokens(
        [str(row) for row in range(len(columns))], {name: [one[name] for one in columns] for name in columns[0]}
    )


def _words(tokenizer: PreTrainedTokenizerBase, text: Text, max_length: int) -> tuple[list[Word], list[int | None]]:
    """The words that the model reads, and for each sub-token its word."""
    split = isinstance(text, list)
    first, second = text if isinstance(text, tuple) else (text, None)
    encoded: Any = tokenizer(
        [first], None if second is None else [second],
        is_split_into_words=split, truncation=True, max_length=max_length, padding=False,
    )  # fmt: skip
    found: dict[tuple[int, int], int] = {}
    words: list[Word] = []
    owner: list[int | None] = []
    for number, sequence in zip(encoded.word_ids(0), encoded.sequence_ids(0), strict=True):
        if number is None or sequence is None:
            owner.append(None)
            continue
        if (sequence, number) not in found:
            found[sequence, number] = len(words)
            if isinstance(text, list):
                word = text[number]
            else:
                span = encoded.word_to_chars(0, number, sequence)
                word = (text[sequence] if isinstance(text, tuple) else text)[span.start : span.end].strip()
            words.append(Word("tokens" if split else ("text", "text_pair")[sequence], number, word))
        owner.append(found[sequence, number])
    return words, owner
