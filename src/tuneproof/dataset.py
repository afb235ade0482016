"""A declared data set: the part of params.yaml that `prepare` reads."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneproof import mistakes, tasks
from tuneproof.cell import Part
from tuneproof.fields import Name, Overrides
from tuneproof.mistakes import Mistakes, unknown
from tuneproof.origins import FileSource, HubSource, PackageSource, Source, UrlSource
from tuneproof.prepare import formats


class LabelCut(Part):
    """Turns a number into a class: rows exactly on an edge are dropped and counted."""

    edges: tuple[float, ...] = Field(min_length=1)
    names: tuple[str, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_name_more(self) -> Self:
        if len(self.names) != len(self.edges) + 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("allowed: rising edges and one name more than edges")
        return self


class Split(Part):
    """How rows without an official split are divided."""

    validation: float = Field(0.15, gt=0, description="Rows (whole number) or share (below 1).")
    test: float = Field(0.15, gt=0, description="Rows or share.")
    seed: int = Field(0, ge=0)
    stratify: bool = Field(
        True, description="Keep the shares of classes (ner: of each sentence's rarest type) equal in all splits."
    )

    @field_validator("validation", "test")
    @classmethod
    def _rows_or_share(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError("allowed: a whole number of rows, or a share below 1")
        return int(value) if value >= 1 else value


class Dataset(Part):
    """A declared source with its task and splits."""

    task: str = Field(description="What is predicted.", json_schema_extra={"enum": [*tasks.TASKS]})
    source: Source
    format: formats.Format | None = Field(None, description="How the file is read; not needed for hub data sets.")
    text: str = Field("text", description="Column with the text (NER on hub data: the list of tokens).")
    text_pair: str | None = Field(None, description="Column with the second text of a pair.")
    label: str = Field("label", description="Column with the label (NER on hub data: the list of tags).")
    label_cut: LabelCut | None = Field(None, description="Make classes of a numeric label.")
    group: str | None = Field(None, description="Column whose equal values must stay in one split.")
    group_pattern: str | None = Field(
        None, description="Regular expression applied to that column; its first group is the group."
    )
    keep: tuple[str, ...] = Field(
        (), description="Further columns that the prepared rows keep as text, for evaluation.slices; no fit reads them."
    )
    unescape_html: bool = Field(False, description="Turn `&amp;` and the like into characters.")
    repeats: Literal["drop", "keep"] = Field(
        "drop", description="keep: repeated rows of official validation and test files stay, as benchmarks count them."
    )
    near_duplicates: Literal["keep", "drop"] = Field(
        "keep", description="drop: texts that share 80 % of their character 5-grams with one that stays are removed."
    )
    mask_personal_data: bool = Field(
        False, description="Put [email], [phone], [card] in place of what looks like one, before anything is written."
    )
    split: Split = Split()
    train_size: int | None = Field(None, ge=2, description="Train on a subset of this many rows; null: all.")
    train_sizes: tuple[Annotated[int, Field(ge=2)], ...] | None = Field(
        None, min_length=1, description="Several sizes of the subset; each becomes a data set of its own."
    )
    train_per_class: (
        Annotated[int, Field(ge=1)] | Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None
    ) = Field(None, description="Train on this many rows of each class (ner: mentions of each type), or several such.")
    draws: int = Field(1, ge=1, le=100, description="Random subsets of each size; each becomes a data set of its own.")
    draw: int = Field(0, ge=0, description="Which of the random subsets.")
    family: Name | None = Field(
        None, description="Data sets of one family make one learning curve; null: the declaration's name."
    )
    max_length: int = Field(128, ge=8, le=8192, description="Longer texts are cut after this many sub-tokens.")
    methods: tuple[Name, ...] | None = Field(None, description="Only these methods; null: all that fit the task.")
    also_test_on: tuple[Name, ...] = Field(
        (), description="Data sets with the same task and labels whose test rows this one's runs answer too."
    )
    training: Overrides = Field(default={}, description="Training settings that differ for this data set.")
    licence: str = Field("not stated", description="Licence of the data, for the data card.")
    citation: str = Field("", description="Whom to cite, for the data card.")

    @field_validator("task")
    @classmethod
    def _known_task(cls, value: str) -> str:
        if value not in tasks.TASKS:
            raise Mistakes.at(text=unknown(value, tasks.TASKS))
        return value

    @model_validator(mode="after")
    def _format_where_needed(self) -> Self:
        if self.format is None and not isinstance(self.source, HubSource):
            kinds = formats.kinds(self.task)
            raise Mistakes.at("format", text=f"missing; allowed: a mapping with kind {' or '.join(kinds)}")
        kinds = formats.kinds(self.task)
        if self.format is not None and self.format.kind not in kinds:
            raise Mistakes.at(
                "format", "kind", text=f"found {self.format.kind} for task {self.task}; {mistakes.allowed(kinds)}"
            )
        if self.label_cut and self.task != "classification":
            raise Mistakes.at("label_cut", text=f"found task {self.task}; allowed: for classification only")
        return self

    @model_validator(mode="after")
    def _one_kind_of_subset(self) -> Self:
        named = [key for key in ("train_size", "train_sizes", "train_per_class") if getattr(self, key) is not None]
        if len(named) > 1:
            raise Mistakes.at(named[1], text=f"found together with {named[0]}; allowed: one of them")
        if self.train_per_class is not None and self.task == "regression":
            raise Mistakes.at("train_per_class", text="found task regression, which has no classes; use train_size")
        sizes = self.train_sizes or (self.train_per_class if isinstance(self.train_per_class, tuple) else ())
        if repeated := [size for place, size in enumerate(sizes) if size in sizes[:place]]:
            raise Mistakes.at(named[0], text=f"found {repeated[0]} more than once; allowed: each size once")
        if self.draws > 1 and not named:
            raise Mistakes.at("draws", text=f"found {self.draws} draws of all rows; allowed: with a training size")
        return self

    @field_validator("keep")
    @classmethod
    def _no_name_twice(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, column in enumerate(value):
            if column in ("id", "origin", "text", "text_pair", "label", "tokens", "tags"):
                raise Mistakes.at(place, text=f"found {column}, which prepared rows have; allowed: any other column")
            if column in value[:place]:
                raise Mistakes.at(place, text=f"found {column} more than once; allowed: each column once")
        return value

    @model_validator(mode="after")
    def _group_can_be_read(self) -> Self:
        if self.group_pattern is None:
            return self
        if self.group is None:
            raise Mistakes.at("group", text="missing; allowed: the column that group_pattern is applied to")
        found = f"found {mistakes.shown(self.group_pattern)}"
        try:
            groups = re.compile(self.group_pattern).groups
        except re.error as error:
            raise Mistakes.at("group_pattern", text=f"{found}: {error}; allowed: a regular expression") from None
        if not groups:
            example = r"^(\d+)_"
            raise Mistakes.at("group_pattern", text=f"{found}; allowed: an expression with a group, like {example}")
        return self

    @model_validator(mode="after")
    def _train_is_named(self) -> Self:
        keys = {PackageSource: "member", FileSource: "path", HubSource: "splits", UrlSource: "url"}
        files = keys[type(self.source)]
        named = getattr(self.source, files)
        if isinstance(named, dict) and "train" not in named:
            raise Mistakes.at(
                "source", files, "train", text="missing; allowed: text (validation and test may be left out)"
            )
        return self
