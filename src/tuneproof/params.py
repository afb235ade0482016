"""params.yaml as frozen pydantic models.

Reads the one file a user edits and promises that whatever comes after this module is complete, typed and
consistent. A wrong file raises `ParamsError` with one line a mistake: key path, value found, what is allowed.
The JSON schema that editors use is generated from the models below (`tuneproof schema`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tuneproof import (
    adversarial,
    boundary,
    crossing,
    drawing,
    ensemble,
    mistakes,
    regularisers,
    strict_yaml,
    tunings,
)
from tuneproof.augmentation import Augmentation
from tuneproof.cell import Part, Search, Training
from tuneproof.challenge.options import Challenge, or_none
from tuneproof.dataset import Dataset
from tuneproof.errors import ParamsError
from tuneproof.evaluate.options import Slice
from tuneproof.fields import Name, Overrides, choice, registered
from tuneproof.mistakes import Mistake, Mistakes, unknown
from tuneproof.origins import FileSource, LocalModel, Model

OUTSIDE = f"allowed: a path inside it, or below a folder that the variable {boundary.VARIABLE} names"

# methods


Tuning = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: registered(value, tunings.TUNINGS, tunings.get)),
    choice(tunings.TUNINGS),
]
Adversarial = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: registered(value, adversarial.ADVERSARIAL, adversarial.get)),
    choice(adversarial.ADVERSARIAL),
]


Regulariser = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: registered(value, regularisers.REGULARISERS, regularisers.get)),
    choice(regularisers.REGULARISERS),
]


def _distilling(value: Any) -> dict[str, Any]:
    """An ensemble's name, or a mapping with it and options."""
    given = {"ensemble": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        raise ValueError("allowed: the name of an entry of ensembles, or a mapping with ensemble, temperature, weight")
    checked = mistakes.check(regularisers.get(regularisers.DISTIL), given)
    return {"name": regularisers.DISTIL, **checked.model_dump(mode="json")}


_mapping = regularisers.get(regularisers.DISTIL).model_json_schema()
Distil = Annotated[
    dict[str, Any],
    BeforeValidator(_distilling),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {key: _mapping[key] for key in ("type", "properties", "required", "additionalProperties")},
            ]
        }
    ),
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
    distil: Distil | None = Field(
        None, description="Name of an entry of `ensembles` to learn from, or `ensemble` + options."
    )
    training: Overrides = Field(default={}, description="Training settings that differ for this method.")
    learning_rate: LearningRate = Field(None, description="Range to search instead of the tuning's own, low and high.")

    @model_validator(mode="after")
    def _may_distil(self) -> Self:
        if self.distil is None:
            return self
        if self.augment is not None:
            raise Mistakes.at(
                "distil",
                text=f"found beside augment {self.augment}, whose rows no teacher answers; allowed: one of them",
            )
        if (reason := regularisers.clash([part["name"] for part in self.all_regularisers()])) is not None:
            raise Mistakes.at("distil", text=reason)
        return self

    def all_regularisers(self) -> list[dict[str, Any]]:
        """Those of its cells: distillation is one of them."""
        return [*self.regularisers, *([] if self.distil is None else [self.distil])]


# crossed methods


def _one_of(value: Any, registry: Mapping[str, str], get: Callable[[str], type[BaseModel]]) -> dict[str, Any]:
    """As `_chosen`; `none` is an entry as well."""
    return {"name": value} if value == crossing.NONE else registered(value, {**registry, crossing.NONE: ""}, get)


def _several(value: Any) -> tuple[dict[str, Any], ...]:
    """A regulariser, or several together, or `none`."""
    if not isinstance(value, list | tuple):
        return (_one_of(value, regularisers.REGULARISERS, regularisers.get),)
    chosen = []
    for place, one in enumerate(value):
        try:
            chosen.append(registered(one, regularisers.REGULARISERS, regularisers.get))
        except Mistakes as error:
            raise Mistakes(Mistake((place, *mistake.path), mistake.text) for mistake in error.mistakes) from None
    return _usable_together(tuple(chosen))


AdversarialOrNone = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: _one_of(value, adversarial.ADVERSARIAL, adversarial.get)),
    choice({**adversarial.ADVERSARIAL, crossing.NONE: ""}),
]
_one, _list = choice({**regularisers.REGULARISERS, crossing.NONE: ""}), choice(regularisers.REGULARISERS)
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


Combination = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: registered(value, ensemble.COMBINATIONS, ensemble.get)),
    choice(ensemble.COMBINATIONS),
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
        return {**own, "combine": registered({"name": name, **options}, ensemble.COMBINATIONS, ensemble.get)}


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
                Mistake(("methods", name, "distil"), reason)
                for name, method in self.methods.items()
                if method.distil is not None and (reason := self._no_teacher(method.distil["ensemble"])) is not None
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
        methods = self._methods_of(declared)
        if len(methods) > 1:
            return f"found runs of {', '.join(methods)}; allowed with {combination}: runs of one method, as in full/*"
        kept = [name for method in methods if (name := self.methods[method].tuning["name"]) in ensemble.WITHOUT_MEAN]
        return f"{combination} averages weights, and {kept[0]} keeps training rows instead" if kept else None

    def _methods_of(self, declared: Ensemble) -> list[str]:
        """Methods of which an ensemble has runs."""
        return [
            method
            for method in self.methods
            if any(fnmatchcase(f"{method}/seed-{seed}", pattern) for seed in self.seeds for pattern in declared.members)
        ]

    def _no_teacher(self, name: str) -> str | None:
        """Why a method cannot learn from an ensemble, or None."""
        if name not in self.ensembles:
            return unknown(name, self.ensembles)
        if (combination := self.ensembles[name].combine["name"]) != "mean":
            return f"ensembles.{name} combines by {combination}; allowed: an ensemble that combines by mean"
        students = [method for method in self._methods_of(self.ensembles[name]) if self.methods[method].distil]
        if students:
            return f"ensembles.{name} has runs of {', '.join(students)}; allowed: members that learn from no ensemble"
        return None

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
                if "://" in path:
                    found.append(Mistake(where, f"{given}; allowed: a path; a file elsewhere is `url: …`, with sha256"))
                elif not boundary.inside(path):
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
