"""What a user declares about the verdict: slices of the test rows."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from tuneproof import mistakes
from tuneproof.cell import Part
from tuneproof.mistakes import Mistakes

KINDS = ("pattern", "words", "equals")


class Slice(Part):
    """Test rows that are judged by themselves, by one property: `pattern`, `words`, or `column` with `equals`."""

    pattern: str | None = Field(
        None, min_length=1, description="Regular expression that is found in the text, or in `column`."
    )
    words: tuple[int | None, int | None] | None = Field(
        None, description="[low, high]: how many words the text has, both ends included; null: no end."
    )
    column: str | None = Field(None, description="Column of the prepared rows, as `label`; null: the text.")
    equals: str | float | None = Field(None, description="What the column holds.")

    @model_validator(mode="after")
    def _one_property(self) -> Self:
        given = [key for key in KINDS if getattr(self, key) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "missing"
            raise Mistakes.at(given[1] if given else "pattern", text=f"{found}; {mistakes.allowed(KINDS)}, one of them")
        if self.equals is not None and self.column is None:
            raise Mistakes.at("column", text="missing; allowed: the column that equals is about")
        if self.words is not None and self.column is not None:
            raise Mistakes.at("column", text="found together with words, which are those of the text; leave one out")
        return self

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                found = f"found {mistakes.shown(self.pattern)}: {error}"
                raise Mistakes.at("pattern", text=f"{found}; allowed: a regular expression") from None
        if self.words is not None:
            low, high = self.words
            if (low is None and high is None) or (low or 0) < 0 or (high is not None and high < max(low or 0, 1)):
                found = f"found {mistakes.shown(list(self.words))}"
                raise Mistakes.at("words", text=f"{found}; allowed: [low, high] with 0 ≤ low ≤ high, one may be null")
        return self
