"""Checks of behaviour that params declare, in the style of CheckList (Ribeiro et al. 2020, ACL, arXiv 2005.04118).

Three kinds: a `function` says what class a text must get, an `invariance` what must not change an answer, a `direction`
what must not lower the probability of a class (or the number of a regression). Texts are templates with slots in
braces, or the test rows that the stage asks anyway. A case is what passes or fails as one: a text, or a text with its
variants.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from tuneproof import files
from tuneproof.cell import Part
from tuneproof.mistakes import Mistakes, shown, unknown

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tuneproof.challenge.predictor import Predictor, Text

SLOT = re.compile(r"\{(\w+)\}")
MOST = 2000
"""Texts that the templates of one check may give."""
FILE = "checks.parquet"
COLUMNS = ("check", "case", "place", "text", "prediction", "value")
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class Variant(NamedTuple):
    """One text of a case."""

    case: int
    place: int
    """0: what the others of its case are compared with."""
    text: str


class Templates(Part):
    """What checks with templates share."""

    texts: Texts = Field(description="Templates; `{name}` is a slot.")
    slots: dict[str, Texts] = Field(default={}, description="Slot → what stands there, each in turn.")

    @model_validator(mode="after")
    def _filled(self) -> Self:
        for place, text in enumerate(self.texts):
            for name in SLOT.findall(text):
                if name not in self.slots:
                    raise Mistakes.at("texts", place, text=f"slot {unknown(name, self.slots)}")
            if (count := math.prod(len(self.slots[name]) for name in set(SLOT.findall(text)))) > MOST:
                raise Mistakes.at("texts", place, text=f"found {count} texts of one template; allowed: up to {MOST}")
        return self

    def filled(self, text: str, names: Sequence[str]) -> list[dict[str, str]]:
        """Every filling of those of a template's slots that are named, the last slot turning fastest."""
        used = [name for name in dict.fromkeys(SLOT.findall(text)) if name in names]
        return [dict(zip(used, words, strict=True)) for words in itertools.product(*(self.slots[n] for n in used))]


class Function(Templates):
    """Minimum functionality: every text must get this class."""

    kind: Literal["function"]
    expect: str = Field(description="The class.")

    def variants(self, rows: Sequence[str]) -> list[Variant]:
        texts = [_put(text, words) for text in self.texts for words in self.filled(text, [*self.slots])]
        return [Variant(case, 0, text) for case, text in enumerate(texts)]


class Identity(Templates):
    """Invariance of templates: what stands in one slot must not change the answer. For identity terms, for instance."""

    kind: Literal["invariance"]
    vary: str = Field(description="The slot.")
    tolerance: float = Field(
        0.1, ge=0, description="Regression: how far an answer may lie from that of its case's first text."
    )

    @model_validator(mode="after")
    def _varies(self) -> Self:
        if self.vary not in self.slots:
            raise Mistakes.at("vary", text=unknown(self.vary, self.slots))
        if len(self.slots[self.vary]) < 2:
            raise Mistakes.at("slots", self.vary, text="found one text; allowed: two or more, as this slot varies")
        for place, text in enumerate(self.texts):
            if self.vary not in SLOT.findall(text):
                raise Mistakes.at("texts", place, text=f"found {shown(text)}; allowed: with the slot {{{self.vary}}}")
        return self

    def variants(self, rows: Sequence[str]) -> list[Variant]:
        others = [name for name in self.slots if name != self.vary]
        groups = [(text, words) for text in self.texts for words in self.filled(text, others)]
        return [
            Variant(case, place, _put(text, {**words, self.vary: word}))
            for case, (text, words) in enumerate(groups)
            for place, word in enumerate(self.slots[self.vary])
        ]


class Replacement(Part):
    """Invariance of test rows: words that may take each other's place."""

    kind: Literal["invariance"]
    replace: dict[str, Texts] = Field(min_length=1, description="A word in the test rows → words that replace it.")
    tolerance: float = Field(
        0.1, ge=0, description="Regression: how far an answer may lie from that of its case's first text."
    )

    def variants(self, rows: Sequence[str]) -> list[Variant]:
        found: list[Variant] = []
        case = 0
        for text in rows:
            for word, others in self.replace.items():
                pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
                if pattern.search(text):
                    changed = [other.join(pattern.split(text)) for other in others]
                    found += [Variant(case, place, one) for place, one in enumerate([text, *changed])]
                    case += 1
        return found


class Direction(Part):
    """Direction on test rows: what is appended must not lower the probability of a class, or a regression's number."""

    kind: Literal["direction"]
    append: Texts = Field(description="What is put behind a text, after a space; each is tried.")
    label: str | None = Field(None, description="The class; null for regression.")
    tolerance: float = Field(0.1, ge=0, description="How much lower it may be, as in the paper.")

    def variants(self, rows: Sequence[str]) -> list[Variant]:
        return [
            Variant(case, place, changed)
            for case, text in enumerate(rows)
            for place, changed in enumerate([text, *(f"{text} {more}" for more in self.append)])
        ]


def _kind(value: Any) -> str | None:
    """The key that tells checks apart, so that a mistake is reported against one kind alone."""
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    if kind == "invariance":
        rows = "replace" in value if isinstance(value, Mapping) else isinstance(value, Replacement)
        return "invariance of rows" if rows else "invariance of templates"
    return kind if kind in ("function", "direction") else None


Check = Annotated[
    Annotated[Function, Tag("function")]
    | Annotated[Identity, Tag("invariance of templates")]
    | Annotated[Replacement, Tag("invariance of rows")]
    | Annotated[Direction, Tag("direction")],
    Discriminator(_kind),
]


def of(declared: dict[str, Any]) -> Check:
    """A check from its settings."""
    check: Check = TypeAdapter(Check).validate_python(declared)
    return check


def misfit(check: Check, task: str, labels: Sequence[str], *, pairs: bool) -> str:
    """Why a check cannot be made with these runs; empty where it can."""
    if task == "ner":
        return "checks are for classification, regression, not for ner"
    if pairs:
        return "checks are for single texts, not for pairs"
    label = check.expect if isinstance(check, Function) else check.label if isinstance(check, Direction) else None
    if task == "regression":
        return "function checks and labels are for classification" if label is not None else ""
    if isinstance(check, Direction) and label is None:
        return "label is missing, which direction needs for classification"
    return f"no class {label}; classes: {', '.join(labels)}" if label is not None and label not in labels else ""


class Checks:
    """The checks of one cell: `look` at each run, then `write` what it answered."""

    def __init__(self, declared: dict[str, Any], texts: Sequence[Text]) -> None:
        """`declared`: name → settings of a check. `texts`: the test rows that the stage asks."""
        self.wanted = {name: of(one) for name, one in declared.items()}
        self.texts, self.pairs = [text for text in texts if isinstance(text, str)], isinstance(texts[0], tuple)
        self.unchecked: dict[str, str] = {}
        """Name → why it could not be made."""
        self.frames: list[pd.DataFrame] = []

    def look(self, predictor: Predictor, seed: int) -> None:
        for name, check in self.wanted.items():
            reason = misfit(check, predictor.task.name, predictor.labels, pairs=self.pairs)
            if reason:
                self.unchecked[name] = reason
                continue
            frame = answers(name, check, predictor, self.texts)
            frame.insert(0, "seed", seed)
            self.frames.append(frame)

    def write(self, folder: Path) -> None:
        """`checks.parquet`: `seed`, then what `answers` gives; without rows where nothing was checked."""
        import pandas as pd

        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in ("seed", *COLUMNS)})
        frame = pd.concat(self.frames, ignore_index=True) if self.frames else empty
        files.write_frame(folder / FILE, frame)


def answers(name: str, check: Check, predictor: Predictor, rows: Sequence[str]) -> pd.DataFrame:
    """What a run answers: `check`, `case`, `place`, `text`, `prediction` (as text), and `value`: the probability of the
    class that is asked for, else of the predicted one; for regression the number."""
    import pandas as pd

    variants = check.variants(rows)
    found = predictor.predict([variant.text for variant in variants])
    if found.probabilities is None:
        values = [float(number) for number in found.prediction]
    else:
        label = check.label if isinstance(check, Direction) else None
        places = [predictor.labels.index(label or str(one)) for one in found.prediction]
        values = [float(one[place]) for one, place in zip(found.probabilities, places, strict=True)]
    frame = pd.DataFrame(variants, columns=list(Variant._fields)).assign(
        prediction=[str(one) for one in found.prediction], value=values
    )
    frame.insert(0, "check", name)
    return frame[list(COLUMNS)]


def _put(text: str, words: dict[str, str]) -> str:
    return SLOT.sub(lambda match: words[match[1]], text)
